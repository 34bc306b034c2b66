#if os(Linux)
    /// A library that makes calls of the system fail in a program, as on file systems that do not support them.
    ///
    /// `FAILING_CALLS` contains the calls and the numbers of their errors, as in `flock=37,fsync=22`. With the number 0, a
    /// call does nothing and succeeds.
    package struct FailingCalls: Sendable {
        private let folder: TemporaryDirectory

        /// Compiles the library.
        package init() throws {
            folder = try TemporaryDirectory()
            let source = try folder.write(Self.source, to: "failing.c")
            let library = folder.file("failing.so")
            let result = try ToolProcess.run(
                "/bin/sh",
                [
                    "-c", #"cc -shared -fPIC -o "$1" "$2" -ldl || clang -shared -fPIC -o "$1" "$2" -ldl"#, "sh",
                    library, source,
                ],
                environment: ["PATH": "/usr/bin:/bin:/usr/local/bin:/opt/swift/usr/bin"])
            guard result.status == 0 else {
                throw ToolProcess.Failure(reason: "the library cannot be compiled: \(result.error)")
            }
        }

        /// Returns the environment of a program in which calls fail.
        package func environment(_ calls: KeyValuePairs<String, Int32>) -> [String: String] {
            [
                "LD_PRELOAD": folder.file("failing.so"),
                "FAILING_CALLS": calls.map { "\($0)=\($1)" }.joined(separator: ","),
            ]
        }

        private static let source = #"""
            #define _GNU_SOURCE
            #include <dlfcn.h>
            #include <errno.h>
            #include <stdlib.h>
            #include <string.h>
            #include <sys/types.h>

            /* Returns whether a call fails, and sets its result. */
            static int fails(const char *call, int *result) {
                const char *calls = getenv("FAILING_CALLS");
                size_t length = strlen(call);
                while (calls && *calls) {
                    if (strncmp(calls, call, length) == 0 && calls[length] == '=') {
                        int code = atoi(calls + length + 1);
                        if (code) errno = code;
                        *result = code ? -1 : 0;
                        return 1;
                    }
                    calls = strchr(calls, ',');
                    if (calls) calls++;
                }
                return 0;
            }

            #define REPLACE(name, parameters, arguments) \
                int name parameters { \
                    int result; \
                    if (fails(#name, &result)) return result; \
                    return ((int (*) parameters) dlsym(RTLD_NEXT, #name)) arguments; \
                }

            REPLACE(flock, (int file, int operation), (file, operation))
            REPLACE(fsync, (int file), (file))
            REPLACE(fchmod, (int file, mode_t mode), (file, mode))
            REPLACE(fchown, (int file, uid_t user, gid_t group), (file, user, group))
            REPLACE(rename, (const char *from, const char *to), (from, to))
            """#
    }
#endif
