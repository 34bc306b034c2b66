#if os(Linux)
    import CSecret

    /// The keyring of the desktop session: its Secret Service, such as GNOME Keyring, KWallet or KeePassXC.
    ///
    /// The calls may take long, because they wait for the user to unlock the keyring. This is the only file that calls
    /// libsecret.
    struct Keyring {
        private static let collection = "default"
        private let service: OpaquePointer

        /// Connects to the keyring; throws when the session has none.
        init() throws(KeyringFailure) {
            var error: UnsafeMutablePointer<GError>?
            if let service = secret_service_get_sync(podstack_service_open_session, nil, &error) {
                self.service = service
                return
            }
            guard let error else { throw .noService }
            defer { g_error_free(error) }
            // An error of another domain than D-Bus occurs before the bus is reached.
            throw error.pointee.domain == g_dbus_error_quark() ? Self.failure(error.pointee) : .noSession
        }

        /// Unlocks the keyring, which may ask the user; throws when it stays locked.
        func unlock() throws(KeyringFailure) {
            let collection = try Self.call { secret_collection_for_alias_sync(service, Self.collection, 0, nil, &$0) }
            // A missing collection is created when the first secret is stored.
            guard let collection else { return }
            defer { g_object_unref(UnsafeMutableRawPointer(collection)) }
            guard secret_collection_get_locked(collection) != 0 else { return }
            let list = g_list_append(nil, UnsafeMutableRawPointer(collection))
            defer { g_list_free(list) }
            guard try Self.call({ secret_service_unlock_sync(service, list, nil, nil, &$0) }) == 1 else {
                throw .locked
            }
        }

        /// Stores a secret in an entry, in place of the former one.
        ///
        /// - Parameters:
        ///   - secret: The secret.
        ///   - entry: The name of the entry.
        ///   - label: The name that the desktop shows for the entry; nil to keep its label.
        /// - Throws: The reason why the keyring did not store the secret.
        func store(_ secret: String, as entry: String, label: String?) throws(KeyringFailure) {
            try unlock()
            let former = label == nil ? try self.label(of: entry) : nil
            let label = label ?? former ?? "Podstack API token"
            let value = secret_value_new(secret, -1, "text/plain")
            defer { secret_value_unref(UnsafeMutableRawPointer(value)) }
            let isStored = try Self.call { error in
                Self.withAttributes(of: entry) {
                    secret_service_store_sync(service, nil, $0, Self.collection, label, value, nil, &error)
                }
            }
            guard isStored != 0 else { throw .locked }
        }

        /// Returns the secret of an entry.
        func secret(of entry: String) throws(KeyringFailure) -> String {
            let items = try items(of: entry, podstack_search_unlock | podstack_search_load_secrets)
            guard let item = items.first else { throw .absent }
            guard secret_item_get_locked(item.pointer) == 0, let value = secret_item_get_secret(item.pointer) else {
                throw .locked
            }
            defer { secret_value_unref(UnsafeMutableRawPointer(value)) }
            guard let text = secret_value_get_text(value) else { throw .absent }
            return String(cString: text)
        }

        /// Removes an entry, if it exists.
        func erase(_ entry: String) throws(KeyringFailure) {
            guard try !items(of: entry, podstack_search_all).isEmpty else { return }
            _ = try Self.call { error in
                Self.withAttributes(of: entry) { secret_service_clear_sync(service, nil, $0, nil, &error) }
            }
            // The call does not remove locked items, and does not report an error for them.
            guard try items(of: entry, podstack_search_all).isEmpty else { throw .locked }
        }

        private func label(of entry: String) throws(KeyringFailure) -> String? {
            guard let label = try items(of: entry).first.flatMap({ secret_item_get_label($0.pointer) }) else {
                return nil
            }
            defer { g_free(label) }
            return String(cString: label)
        }

        private final class Item {
            let pointer: OpaquePointer
            init(_ pointer: UnsafeMutableRawPointer) { self.pointer = OpaquePointer(pointer) }
            deinit { g_object_unref(UnsafeMutableRawPointer(pointer)) }
        }

        private func items(of entry: String, _ flags: UInt32 = 0) throws(KeyringFailure) -> [Item] {
            let list = try Self.call { error in
                Self.withAttributes(of: entry) { secret_service_search_sync(service, nil, $0, flags, nil, &error) }
            }
            defer { g_list_free(list) }
            return sequence(first: list) { $0?.pointee.next }.prefix { $0 != nil }
                .compactMap { $0?.pointee.data.map(Item.init) }
        }

        private static func withAttributes<Result>(of entry: String, _ body: (OpaquePointer?) -> Result) -> Result {
            entry.withCString {
                let attributes = podstack_attributes($0)
                defer { g_hash_table_unref(attributes) }
                return body(attributes)
            }
        }

        private static func call<Result>(
            _ body: (inout UnsafeMutablePointer<GError>?) -> Result
        ) throws(KeyringFailure) -> Result {
            var error: UnsafeMutablePointer<GError>?
            let result = body(&error)
            guard let error else { return result }
            defer { g_error_free(error) }
            throw failure(error.pointee)
        }

        private static func failure(_ error: GError) -> KeyringFailure {
            switch error.domain {
            case secret_error_get_quark() where error.code == podstack_secret_is_locked: .locked
            case g_dbus_error_quark() where error.code == podstack_dbus_service_unknown: .noService
            default: .refused(error.message.map { String(cString: $0) } ?? "")
            }
        }
    }
#endif
