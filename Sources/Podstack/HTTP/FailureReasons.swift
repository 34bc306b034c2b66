// What every transport says in the same words.

extension TransportFailure {
    package static let timedOut = TransportFailure(reason: "the request timed out")

    static func timedOut(waitingFor source: ClientConfiguration.Source) -> TransportFailure {
        TransportFailure(reason: "the request timed out while its token was waited for, from \(source.origin)")
    }

    package static func tooLarge(bytes: Int) -> TransportFailure {
        TransportFailure(reason: "the answer is larger than \(bytes) bytes", mayPass: false)
    }

    package static func header(_ name: String) -> TransportFailure {
        TransportFailure(reason: "the header \(name) holds a line break, which no header may", mayPass: false)
    }
}

extension HeaderField {
    /// Whether it stays one header when it is written on a line.
    package var isOneLine: Bool {
        func isPlain(_ byte: UInt8) -> Bool { byte != 0x0D && byte != 0x0A && byte != 0 }
        return name.utf8.allSatisfy(isPlain) && value.utf8.allSatisfy(isPlain)
    }
}
