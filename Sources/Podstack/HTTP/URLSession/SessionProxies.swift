#if canImport(Darwin)
    import Foundation

    /// The proxies of the options as a session takes them.
    enum SessionProxies {
        /// Empty for none: nil would mean those of the system.
        static func dictionary(_ options: ConnectionOptions) -> [AnyHashable: Any] {
            let exceptions = (options.noProxy ?? "").split(whereSeparator: { $0 == "," || $0 == " " })
            if exceptions.contains("*") { return [:] }
            var dictionary: [AnyHashable: Any] = [:]
            for (kind, proxy) in [
                ("HTTP", options.proxy(isSecure: false)), ("HTTPS", options.proxy(isSecure: true)),
            ] {
                guard let proxy,
                    let parts = URLComponents(string: proxy.contains("://") ? proxy : "http://\(proxy)"),
                    let host = parts.host
                else { continue }
                dictionary["\(kind)Enable"] = 1
                dictionary["\(kind)Proxy"] = host
                dictionary["\(kind)Port"] = parts.port ?? 1080
            }
            // A name stands for what is below it too.
            dictionary["ExceptionsList"] = exceptions.flatMap { name in
                let bare = name.hasPrefix(".") ? name.dropFirst() : name
                return ["\(bare)", "*.\(bare)"]
            }
            return dictionary
        }
    }
#endif
