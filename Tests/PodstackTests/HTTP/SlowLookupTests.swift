#if os(Linux)
    import Podstack
    import PodstackTestSupport
    import Testing

    @Suite("A slow lookup of a host name", .blocking, .timeLimit(.minutes(3)))
    struct SlowLookupTests {
        /// Replaces the C library's function: a lookup takes 20 seconds and fails, and asks no DNS server.
        static let lookup = """
            #include <netdb.h>
            #include <stdatomic.h>
            #include <unistd.h>
            static atomic_int running;
            int podstack_lookups(void) { return running; }
            int getaddrinfo(
                const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **result) {
                running++;
                sleep(20);
                running--;
                return EAI_NONAME;
            }
            """

        @Test("delays neither the end of its own request nor any other request of the client")
        func independent() throws {
            let folder = try TemporaryDirectory()
            let (source, library) = (try folder.write(Self.lookup, to: "lookup.c"), folder.file("lookup.so"))
            let compiler = try ToolProcess(
                "/bin/sh", ["-c", "cc \"$@\" || clang \"$@\"", "sh", "-shared", "-fPIC", "-o", library, source],
                environment: ["PATH": PodstackEnvironment.process["PATH"] ?? "/usr/bin:/bin"])
            try #require(compiler.wait() == 0, "\(compiler.standardError)")
            let server = try WireServer { _ in [.response(#"{"id":"usr_1","email":"you@example.com"}"#)] }
            let run = try ToolProcess.run("SlowLookup", [server.url], environment: ["LD_PRELOAD": library])
            #expect(
                run.output == """
                    you@example.com
                    CancellationError()
                    you@example.com
                    No response from https://b.slow-lookup.invalid: the request timed out
                    you@example.com
                    2 lookups are still running

                    """, "\(run.error)")
        }
    }
#endif
