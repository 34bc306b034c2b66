#if os(Linux)
    import CCurl

    /// One request on its way. Reached only through the loop.
    final class Transfer {
        let request: TransportRequest
        let completion: Completion
        let started = ContinuousClock.now
        let largestBody: Int
        var deadline: ContinuousClock.Instant { started + request.timeout }
        var easy: UnsafeMutableRawPointer?
        var headers: UnsafeMutablePointer<curl_slist>?
        var body: [UInt8] = []
        var isTooLarge = false

        init(_ request: TransportRequest, _ completion: Completion, largestBody: Int) {
            self.request = request
            self.completion = completion
            self.largestBody = largestBody
        }

        func receive(_ bytes: UnsafeRawBufferPointer) -> Int {
            guard body.count + bytes.count <= largestBody else {
                isTooLarge = true
                return 0
            }
            body.append(contentsOf: bytes)
            return bytes.count
        }
    }
#endif
