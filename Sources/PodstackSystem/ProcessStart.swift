#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The state in which the system starts a program.
package enum ProcessStart {
    /// The arguments of the process as ``SystemText``, without the name of the program.
    ///
    /// `CommandLine.arguments` replaces bytes that are not UTF-8.
    package static var arguments: [String] {
        let pointers = UnsafeBufferPointer(start: CommandLine.unsafeArgv, count: Int(CommandLine.argc))
        return pointers.dropFirst().compactMap { $0.map { SystemText.text(of: $0) } }
    }

    /// Prepares the process; call it before anything else.
    package static func prepare() {
        openStandardDescriptors()
        checkDescriptors()
        endAtQuit()
    }

    /// The descriptors without which the runtime, and not this program, would end the process with a signal.
    private static let fewestDescriptors: rlim_t = 24

    /// Ends the process with a message when it may open too few files.
    private static func checkDescriptors() {
        #if canImport(Darwin)
            let resource = RLIMIT_NOFILE
        #else
            let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #endif
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0, limit.rlim_cur < fewestDescriptors else { return }
        limit.rlim_cur = min(limit.rlim_max, fewestDescriptors)
        guard setrlimit(resource, &limit) != 0 || limit.rlim_cur < fewestDescriptors else { return }
        let text = Array(
            "error: this process may open only \(limit.rlim_cur) files, and needs \(fewestDescriptors): ulimit -n\n"
                .utf8)
        _ = write(2, text, text.count)
        exit(1)
    }

    /// Opens the descriptors 0 to 2 that are closed.
    ///
    /// Otherwise the next files that the program opens would become its standard streams, and an error message would be
    /// written into a file of tokens or a database. Standard input then is empty. Standard output cannot be written to,
    /// so that lost output is still an error. What is written to standard error is dropped.
    private static func openStandardDescriptors() {
        for (descriptor, mode) in [(0, O_RDONLY), (1, O_RDONLY), (2, O_RDWR)] as [(Int32, Int32)] {
            guard fcntl(descriptor, F_GETFD) < 0, errno == EBADF else { continue }
            // The system returns the lowest descriptor that is closed, which is this one.
            let opened = open("/dev/null", mode)
            if opened >= 0, opened != descriptor {
                dup2(opened, descriptor)
                close(opened)
            }
        }
    }

    /// Makes SIGQUIT end the process, unless it is ignored.
    ///
    /// Swift's runtime may regard it as a crash, and then shows the memory, which can contain a token, and asks what to
    /// do.
    private static func endAtQuit() {
        let former = signal(SIGQUIT, SIG_DFL)
        if unsafeBitCast(former, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self) { signal(SIGQUIT, SIG_IGN) }
    }
}
