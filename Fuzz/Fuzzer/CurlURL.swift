import CCurl

/// The parts of a URL as libcurl parses them, which decide where it connects.
struct CurlURL {
    var scheme: String?
    /// The host; an IPv6 address is in brackets.
    var host: String?
    var port: Int?
    var user: String?
    var query: String?
    var fragment: String?
    var zone: String?

    /// Parses a URL; nil if libcurl rejects it.
    init?(_ text: String) {
        guard let handle = curl_url() else { return nil }
        defer { curl_url_cleanup(handle) }
        guard curl_url_set(handle, CURLUPART_URL, text, 0) == CURLUE_OK else { return nil }
        func part(_ part: CURLUPart, _ flags: Int32 = 0) -> String? {
            var value: UnsafeMutablePointer<CChar>?
            guard curl_url_get(handle, part, &value, UInt32(flags)) == CURLUE_OK, let value else { return nil }
            defer { curl_free(value) }
            return String(cString: value)
        }
        scheme = part(CURLUPART_SCHEME)
        host = part(CURLUPART_HOST)
        port = part(CURLUPART_PORT, CURLU_DEFAULT_PORT).flatMap { Int($0) }
        user = part(CURLUPART_USER) ?? part(CURLUPART_PASSWORD)
        query = part(CURLUPART_QUERY)
        fragment = part(CURLUPART_FRAGMENT)
        zone = part(CURLUPART_ZONEID)
    }
}
