#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The service manager that started this process and waits for messages about its state, such as systemd.
///
/// A message is one datagram of lines `NAME=VALUE` to the socket that `NOTIFY_SOCKET` names.
///
/// Source: sd_notify(3), whose protocol is stable.
final class ServiceManager: Sendable {
    /// The time after which the service manager restarts this process without another ``alive()``, in microseconds; nil if
    /// it does not.
    let watchdogMicroseconds: Int64?
    private let descriptor: Int32

    /// Opens a socket to the service manager; nil if there is none, or its socket cannot be used.
    ///
    /// - Parameter variable: Returns the value of an environment variable.
    init?(_ variable: (String) -> String?) {
        guard let path = variable("NOTIFY_SOCKET"), let descriptor = Self.openSocket(path) else { return nil }
        self.descriptor = descriptor
        let isForThisProcess = variable("WATCHDOG_PID").map { Int32($0) == getpid() } ?? true
        let microseconds = variable("WATCHDOG_USEC").flatMap { Int64($0) }.flatMap { $0 > 0 ? $0 : nil }
        watchdogMicroseconds = isForThisProcess ? microseconds : nil
    }

    deinit { close(descriptor) }

    // MARK: Messages

    /// Reports that requests are accepted, and what `systemctl status` displays.
    func ready(_ status: String) { deliver("READY=1\nSTATUS=\(status)") }

    /// Reports that the service is stopping.
    func stopping() { deliver("STOPPING=1\nSTATUS=Completing the requests in progress") }

    /// Reports that the service works.
    func alive() { deliver("WATCHDOG=1") }

    /// Reports the beginning and the end of a reload.
    func reloading(_ body: () -> Void) {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        deliver("RELOADING=1\nMONOTONIC_USEC=\(Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000)")
        body()
        deliver("READY=1")
    }

    /// Sends a message.
    ///
    /// A failure is ignored: the service works without its manager.
    private func deliver(_ message: String) {
        let bytes = Array(message.utf8)
        _ = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }

    // MARK: Socket

    /// Returns a socket that is connected to a path, or to an abstract name after `@`.
    private static func openSocket(_ path: String) -> Int32? {
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count > 1, bytes[0] == UInt8(ascii: "/") || bytes[0] == UInt8(ascii: "@"),
            bytes.count < MemoryLayout.size(ofValue: name.sun_path)
        else { return nil }
        withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: bytes) }
        if bytes[0] == UInt8(ascii: "@") { name.sun_path.0 = 0 }
        // An abstract name has no NUL at its end; the NUL of a path may be left out.
        let size = socklen_t((MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? 2) + bytes.count)
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        // A service manager that does not read must not stop the service.
        var patience = timeval(tv_sec: 1, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        let isConnected = withUnsafePointer(to: name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, size) == 0 }
        }
        guard isConnected else {
            close(descriptor)
            return nil
        }
        return descriptor
    }
}
