import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Accepts connections and hands whole requests to a handler.
///
/// The handler runs on the threads of the listener, several at once.
final class Listener: Sendable {
    struct Failure: Error { var reason: String }

    /// The port that was picked, when 0 was asked for.
    let port: UInt16
    private let reception: Reception
    /// Nil once it was stopped.
    private let running: Mutex<(library: Microhttpd, socket: Int32)?>

    /// - Parameters:
    ///   - certificate: Nil for plain HTTP.
    ///   - requestTime: Seconds that a request may take to arrive. ``endOverdue()`` sees to it.
    init(
        _ address: ListenAddress, threads: Int, certificate: TLSCertificate? = nil,
        requestTime: Int = RequestLimits.time, handler: @escaping Reception.Handler
    ) throws {
        let pem = try certificate?.pem()
        let (socket, port) = try address.open()
        self.port = port
        reception = Reception(
            handler, certificate, isForeign: !address.isLoopback, OpenConnections(requestTime: requestTime))
        guard let library = Microhttpd(socket, threads: max(threads, 2), pem, requestTime: requestTime, reception)
        else {
            close(socket)
            throw Failure(reason: "the listener could not be started")
        }
        running = Mutex((library, socket))
    }

    /// Ends the connections that take longer than they may; to be called every second or so.
    func endOverdue() { reception.connections.endOverdue() }
    var openConnections: Int { reception.connections.count }

    deinit { stop() }

    /// Accepts no more, ends the streams, lets the requests under way finish, and closes all connections.
    ///
    /// - Parameter patience: Hundredths of seconds that those requests have.
    func stop(patience: Int = 1000) {
        running.withLock { running in
            guard let (library, socket) = running else { return }
            // Not MHD_quiesce_daemon: with epoll it races against the library's own threads, and aborts the process.
            OpenConnections.shutDown(socket)
            // libmicrohttpd cannot be stopped while a connection is suspended.
            reception.streams.end()
            reception.deferrals.refuse()
            Self.wait(patience) { [reception] in reception.underWay == 0 }
            reception.deferrals.cut()
            // Who reads sees a proper end; for who does not nobody waits.
            Self.wait(50) { [reception] in reception.streams.count + reception.deferrals.count == 0 }
            library.stop()
            running = nil
        }
    }

    private static func wait(_ hundredths: Int, until isOver: () -> Bool) {
        var waited = 0
        while !isOver(), waited < hundredths {
            usleep(10_000)
            waited += 1
        }
    }
}
