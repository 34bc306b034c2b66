/// A change of a limit, such as that of a pod's time or of a token's spending.
public enum LimitChange<Value: Sendable & Hashable>: Sendable, Hashable {
    /// The limit stays as it is.
    case unchanged
    /// There is no such limit any more.
    case remove
    /// The new limit.
    case set(Value)

    /// Returns the change with another kind of value.
    package func map<Other>(_ transform: (Value) -> Other) -> LimitChange<Other> {
        switch self {
        case .unchanged: .unchanged
        case .remove: .remove
        case .set(let value): .set(transform(value))
        }
    }
}

extension LimitChange where Value: Encodable {
    /// Encodes the new limit, `null` for one that is removed, and nothing for one that stays.
    package func encode<Key>(to container: inout KeyedEncodingContainer<Key>, forKey key: Key) throws {
        switch self {
        case .unchanged: break
        case .remove: try container.encodeNil(forKey: key)
        case .set(let value): try container.encode(value, forKey: key)
        }
    }
}
