import Podstack
import PodstackAPI

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The JSON object with the arguments of an operation.
struct Arguments: Sendable {
    private let fields: [String: JSONValue]

    /// Reads arguments; no bytes at all mean no arguments.
    init(_ json: [UInt8]) throws {
        guard !json.isEmpty else {
            fields = [:]
            return
        }
        guard case .object(let fields)? = try? StrictJSON.value(of: json) else { throw InterfaceError.notJSON }
        self.fields = fields
    }

    init(_ fields: [String: JSONValue]) { self.fields = fields }

    private func value(_ name: String) -> JSONValue? {
        guard let value = fields[name], value != .null else { return nil }
        return value
    }

    /// Whether an argument is passed and not null.
    func has(_ name: String) -> Bool { value(name) != nil }

    func string(_ name: String) throws -> String? {
        guard let value = value(name) else { return nil }
        guard let text = value.stringValue else { throw InterfaceError.argument(name, "a string") }
        return text
    }

    func required(_ name: String) throws -> String {
        guard let text = try string(name) else { throw InterfaceError.argument(name, "a string") }
        return text
    }

    func strings(_ name: String) throws -> [String]? {
        guard let value = value(name) else { return nil }
        guard case .array(let values) = value else { throw InterfaceError.argument(name, "a list of strings") }
        return try values.map { value in
            guard let text = value.stringValue else { throw InterfaceError.argument(name, "a list of strings") }
            return text
        }
    }

    /// Returns a name of the API, such as a scope, as the type that the SDK has for it.
    func name<Name: ExpressibleByStringLiteral>(_ name: String) throws -> Name? where Name.StringLiteralType == String {
        try string(name).map(Name.init(stringLiteral:))
    }

    /// Returns names of the API, such as scopes, as the type that the SDK has for them.
    func names<Name: ExpressibleByStringLiteral>(_ name: String) throws -> [Name]?
    where Name.StringLiteralType == String {
        try strings(name)?.map(Name.init(stringLiteral:))
    }

    func texts(_ name: String) throws -> [String: String]? {
        guard let value = value(name) else { return nil }
        guard case .object(let fields) = value else { throw InterfaceError.argument(name, "an object of strings") }
        return try fields.mapValues { value in
            guard let text = value.stringValue else { throw InterfaceError.argument(name, "an object of strings") }
            return text
        }
    }

    func object(_ name: String) throws -> Arguments? {
        guard let value = value(name) else { return nil }
        guard case .object(let fields) = value else { throw InterfaceError.argument(name, "an object") }
        return Arguments(fields)
    }

    func objects(_ name: String) throws -> [Arguments] {
        guard let value = value(name) else { return [] }
        guard case .array(let values) = value else { throw InterfaceError.argument(name, "a list of objects") }
        return try values.map { value in
            guard case .object(let fields) = value else { throw InterfaceError.argument(name, "a list of objects") }
            return Arguments(fields)
        }
    }

    func integers(_ name: String) throws -> [Int]? {
        guard let value = value(name) else { return nil }
        guard case .array(let values) = value else { throw InterfaceError.argument(name, "a list of integers") }
        return try values.map { value in
            guard let number = value.integerValue else { throw InterfaceError.argument(name, "a list of integers") }
            return number
        }
    }

    func integer(_ name: String) throws -> Int? {
        guard let value = value(name) else { return nil }
        guard let number = value.integerValue else { throw InterfaceError.argument(name, "an integer") }
        return number
    }

    func flag(_ name: String) throws -> Bool {
        guard let value = value(name) else { return false }
        guard case .bool(let flag) = value else { throw InterfaceError.argument(name, "true or false") }
        return flag
    }

    func number(_ name: String) throws -> Double? {
        guard let value = value(name) else { return nil }
        guard let number = value.doubleValue, number.isFinite else { throw InterfaceError.argument(name, "a number") }
        return number
    }

    /// Returns a number of seconds as a duration, within what a duration can hold.
    func duration(_ name: String) throws -> Duration? {
        try number(name).map { .seconds(min(max($0, -1e9), 1e9)) }
    }

    /// Returns an amount of money, which is passed as a string so that it stays exact.
    func amount(_ name: String) throws -> Amount? {
        guard let text = try string(name) else { return nil }
        guard let amount = Amount(text: text) else {
            throw InterfaceError.argument(name, "an amount with at most six decimals")
        }
        return amount
    }

    func spendLimit() throws -> SpendLimit? {
        guard let limit = try object("spend_limit") else { return nil }
        guard let amount = try limit.amount("amount"), let period = try limit.string("period") else {
            throw InterfaceError.argument("spend_limit", "an amount and a period")
        }
        return SpendLimit(amount: amount, period: SpendLimit.Period(rawValue: period))
    }

    /// Returns the change of a value: none if the argument is not passed, and its removal if it is null.
    func change<Value: Sendable & Hashable>(
        _ name: String, _ read: (Arguments) throws -> Value?
    ) throws -> LimitChange<Value> {
        guard fields[name] != nil else { return .unchanged }
        return try read(self).map(LimitChange.set) ?? .remove
    }

    func date(_ name: String) throws -> Date? {
        guard let text = try string(name) else { return nil }
        guard let date = Timestamp.parse(text) else { throw InterfaceError.argument(name, "an ISO 8601 time") }
        return date
    }
}
