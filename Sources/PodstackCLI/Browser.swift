import Podstack

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Whatever shows pages on this machine.
enum Browser {
    /// Nil where there is no screen.
    static func opener(_ environment: PodstackEnvironment) -> (@Sendable (String) -> Void)? {
        #if canImport(Darwin)
            return { page in start("open", page) }
        #else
            let hasScreen = ["DISPLAY", "WAYLAND_DISPLAY"].contains { environment[$0]?.isEmpty == false }
            guard hasScreen else { return nil }
            return { page in start("xdg-open", page) }
        #endif
    }

    /// Nobody waits for it, and nothing is said when it cannot be started: the page can be opened by hand.
    private static func start(_ program: String, _ page: String) {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        for stream: Int32 in [1, 2] { posix_spawn_file_actions_addopen(&actions, stream, "/dev/null", O_WRONLY, 0) }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Ctrl-C is meant for us.
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        var arguments = [strdup(program), strdup(page), nil]
        defer { for argument in arguments { free(argument) } }
        var id = pid_t()
        _ = posix_spawnp(&id, program, &actions, &attributes, &arguments, environ)
    }
}
