/// Who sends the requests when the caller names nobody.
#if os(Linux)
    typealias DefaultTransport = CurlTransport
#else
    typealias DefaultTransport = URLSessionTransport
#endif
