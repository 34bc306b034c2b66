import PodstackTestSupport
import Testing

#if os(Linux)
    import Glibc

    /// Runs the real program on file systems that do not support what a safe change needs.
    @Suite("Changing a file where safety steps are impossible", .blocking, .timeLimit(.perTest))
    struct FileSafetyTests {
        let folder: TemporaryDirectory
        var path: String { folder.file("home/credentials") }
        static let before = "# kept\n[default]\napi_token = secret\nproject_id = a-long-former-value\n"

        init() throws {
            folder = try TemporaryDirectory()
            #expect(mkdir(folder.file("home"), 0o700) == 0)
            try reset()
        }

        func reset() throws {
            _ = try folder.write(Self.before, to: "home/credentials")
            #expect(chmod(path, 0o600) == 0)
        }

        /// Runs a command that changes the file; `$@` in the script is the program with its arguments.
        func change(
            to value: String = "x", script: String = "exec \"$@\"", environment: [String: String] = [:]
        ) throws -> (status: Int32, output: String, error: String) {
            try ToolProcess.run(
                "/bin/sh",
                ["-c", script, "sh", ToolProcess.path(of: "podstack"), "config", "set", "project_id", value],
                environment: [
                    "PODSTACK_CREDENTIALS_FILE": path, "PATH": "/usr/bin:/bin:/usr/sbin", "folder": folder.path,
                ]
                .merging(environment) { $1 })
        }

        @Test("a process that may open too few files ends with a message, and not with a signal", arguments: 5...8)
        func descriptors(count: Int) throws {
            let result = try change(script: "ulimit -n \(count); exec \"$@\"")
            #expect(result.status == 1, "\(result.error)")
            #expect(result.error == "error: this process may open only \(count) files, and needs 24: ulimit -n\n")
            #expect(try change(script: "ulimit -n 24; exec \"$@\"").status == 0)
        }

        func after(_ value: String = "x") -> String { Self.before.replacing("a-long-former-value", with: value) }

        /// Expects that the change succeeded, with one warning that contains a text, and left nothing behind.
        func expectChanged(
            _ result: (status: Int32, output: String, error: String), _ warning: String, value: String = "x",
            sourceLocation: SourceLocation = #_sourceLocation
        ) throws {
            #expect(result.status == 0, "\(result.error)", sourceLocation: sourceLocation)
            #expect(folder.read("home/credentials") == after(value), sourceLocation: sourceLocation)
            let lines = result.error.split(separator: "\n")
            #expect(
                lines.count == 1 && lines[0].hasPrefix("warning: \(path)"), "\(result.error)",
                sourceLocation: sourceLocation)
            #expect(result.error.contains(warning), "\(result.error)", sourceLocation: sourceLocation)
            #expect(!result.error.contains("secret"), sourceLocation: sourceLocation)
            let left = try ToolProcess.run("/bin/ls", ["-A", folder.file("home")]).output
            #expect(
                ["credentials\n", "credentials\ncredentials.lock\n"].contains(left), "\(left)",
                sourceLocation: sourceLocation)
        }

        @Test("a step that the file system does not support is left out, with one warning")
        func unsupported() throws {
            let failing = try FailingCalls()
            let cases: [(KeyValuePairs<String, Int32>, String)] = [
                (["flock": ENOLCK], "cannot be locked (No locks available)"), (["flock": ENOTSUP], "cannot be locked"),
                (["flock": ENOSYS], "cannot be locked"), (["flock": EINVAL], "cannot be locked"),
                (["fsync": EINVAL], "cannot be synced (Invalid argument)"), (["fsync": ENOTSUP], "cannot be synced"),
                (["fsync": EROFS], "cannot be synced"), (["rename": EBUSY], "overwritten in place"),
                (["rename": EXDEV], "overwritten in place"), (["rename": EPERM], "overwritten in place"),
                (["rename": EACCES], "overwritten in place"), (["rename": EINVAL], "overwritten in place"),
            ]
            for (calls, warning) in cases {
                for value in ["x", String(repeating: "long", count: 2000), "a-long-former-valuf"] {
                    try reset()
                    _ = unlink(path + ".lock")
                    try expectChanged(
                        change(to: value, environment: failing.environment(calls)), warning, value: value)
                }
            }
        }

        @Test("a file system that stores no modes is used, and says so only when others can read the file")
        func modes() throws {
            let failing = try FailingCalls()
            for code in [EPERM, ENOTSUP, ENOSYS, 0] {
                // The temporary file is private from the start.
                try reset()
                let quiet = try change(environment: failing.environment(["fchmod": code]))
                #expect(quiet.status == 0 && quiet.error == "", "\(quiet.error)")
                #expect(folder.read("home/credentials") == after())
                try reset()
                #expect(chmod(path, 0o644) == 0)
                let result = try change(environment: failing.environment(["fchmod": code, "rename": EBUSY]))
                #expect(result.status == 0)
                #expect(folder.read("home/credentials") == after())
                #expect(result.error.contains("can be read by other users"), "\(result.error)")
                #expect(result.error.split(separator: "\n").count == 2)
            }
        }

        @Test("everything at once that can be impossible")
        func everything() throws {
            let failing = try FailingCalls()
            let calls = failing.environment(["flock": ENOLCK, "fsync": EINVAL, "fchmod": EPERM, "rename": EBUSY])
            let result = try change(environment: calls)
            #expect(result.status == 0)
            #expect(folder.read("home/credentials") == after())
            #expect(result.error.split(separator: "\n").count == 3, "\(result.error)")
            // A new file has no content that could be kept, and cannot be created in place.
            #expect(unlink(path) == 0)
            let new = try change(environment: failing.environment(["flock": ENOLCK, "fsync": EINVAL]))
            #expect(new.status == 0, "\(new.error)")
            #expect(folder.read("home/credentials") == "[default]\nproject_id = x\n")
        }

        @Test("an error of the device is an error, and the file keeps its content")
        func deviceErrors() throws {
            let failing = try FailingCalls()
            for calls in [["fsync": EIO], ["fsync": ENOSPC], ["rename": EIO], ["rename": ENOSPC], ["fchmod": EIO]]
                as [KeyValuePairs<String, Int32>]
            {
                let result = try change(environment: failing.environment(calls))
                #expect(result.status == 1)
                #expect(result.error.hasPrefix("error: cannot "), "\(result.error)")
                #expect(folder.read("home/credentials") == Self.before)
            }
        }

        @Test("a full disk while the file is overwritten in place does not change it")
        func fullDiskInPlace() throws {
            // No temporary file can have a name that is longer than this one.
            let name = String(repeating: "n", count: 254)
            _ = try folder.write(Self.before, to: name)
            let result = try change(
                to: String(repeating: "x", count: 8000),
                script: #"trap '' XFSZ; ulimit -f 4; TMPDIR=/dev/null exec "$@""#,
                environment: ["PODSTACK_CREDENTIALS_FILE": folder.file(name)])
            #expect(result.status == 1)
            #expect(result.error.contains("error: cannot write \(folder.file(name)): "), "\(result.error)")
            #expect(folder.read(name) == Self.before)
        }

        @Test("writers that cannot lock the file do not lose each other's changes, as far as they see them")
        func withoutLocks() throws {
            let failing = try FailingCalls()
            let environment = failing.environment(["flock": ENOLCK]).merging(["PODSTACK_CREDENTIALS_FILE": path]) { $1 }
            let processes = try (0..<8).map {
                try ToolProcess(
                    "podstack", ["config", "set", "project_id", "v\($0)", "--profile", "p\($0)"],
                    environment: environment)
            }
            for process in processes { #expect(process.wait() == 0, "\(process.standardError)") }
            // Every content that was ever there is complete.
            let content = try #require(folder.read("home/credentials"))
            #expect(content.hasPrefix(Self.before))
            #expect(content.split(separator: "\n").allSatisfy { "[#a p".contains($0.first ?? "!") }, "\(content)")
            #expect(
                try ToolProcess.run("/bin/ls", ["-A", folder.file("home")]).output == "credentials\ncredentials.lock\n")
        }

        // MARK: - Mounts and user namespaces

        @Test("a mounted file is overwritten in place", arguments: [false, true])
        func mounted(isReadOnlyAround: Bool) throws {
            let remount = isReadOnlyAround ? #"mount -o bind,remount,ro "$folder/home"; "# : ""
            let script = #"""
                mount --bind "$folder/home" "$folder/home" && mount --bind "$folder/real" "$folder/home/credentials" || exit 99
                """# + "\n" + remount
                + #""$@"; status=$?; cat "$folder/home/credentials"; ls -A "$folder/home"; exit $status"#
            _ = try folder.write(Self.before, to: "real")
            #expect(chmod(folder.file("real"), 0o600) == 0)
            let result = try change(
                script: #"exec unshare -Urm /bin/sh -c "$inner" sh "$@""#, environment: ["inner": script])
            #expect(result.status == 0, "\(result.error)")
            let lock = isReadOnlyAround ? "" : "credentials.lock\n"
            #expect(result.output == after() + "credentials\n" + lock)
            #expect(folder.read("real") == after())
            #expect(folder.read("home/credentials") == Self.before)
            let copy = isReadOnlyAround ? " in place, without a copy beside it" : " in place"
            #expect(
                result.error.hasPrefix("warning: \(path) cannot be replaced (") && result.error.hasSuffix("\(copy)\n"),
                "\(result.error)")
        }

        @Test("a mounted token file is rotated, though no file can be beside it")
        func mountedTokenFile() throws {
            let server = try RunningServer()
            let old = try server.createToken()
            _ = try folder.write(old + "\n", to: "real")
            _ = try folder.write("", to: "home/token")
            #expect(chmod(folder.file("real"), 0o600) == 0)
            let script = #"""
                mount --bind "$folder/home" "$folder/home" && mount --bind "$folder/real" "$folder/home/token" &&
                mount -o bind,remount,ro "$folder/home" || exit 99
                "$1" auth refresh && "$1" auth whoami && exec "$1" auth refresh
                """#
            let environment = [
                "HOME": folder.path, "PODSTACK_API_ENDPOINT": server.url, "PATH": "/usr/bin:/bin:/usr/sbin",
                "PODSTACK_API_TOKEN_FILE": folder.file("home/token"), "folder": folder.path, "inner": script,
            ]
            let result = try ToolProcess.run(
                "/bin/sh",
                ["-c", #"exec unshare -Urm /bin/sh -c "$inner" sh "$1""#, "sh", ToolProcess.path(of: "podstack")],
                environment: environment)
            #expect(result.status == 0, "\(result.error)")
            #expect(result.output.contains(RunningServer.email + "\n"))
            #expect(result.error.contains("overwritten in place"), "\(result.error)")
            let new = try #require(folder.read("real"))
            #expect(new.hasPrefix("podstack_") && new != old + "\n")
            let whoami = try ToolProcess.run(
                "podstack", ["auth", "whoami", "--token-file", folder.file("real")],
                environment: ["HOME": folder.path, "PODSTACK_API_ENDPOINT": server.url])
            #expect(whoami.output == RunningServer.email + "\n", "\(whoami.error)")
        }

        @Test("on a read-only file system, a change is an error that says so")
        func readOnly() throws {
            let script =
                #"mount --bind "$folder/home" "$folder/home" && mount -o bind,remount,ro "$folder/home" && exec "$@""#
            for exists in [true, false] {
                if !exists { #expect(unlink(path) == 0) }
                let result = try change(
                    script: #"exec unshare -Urm /bin/sh -c "$inner" sh "$@""#, environment: ["inner": script])
                #expect(result.status == 1)
                #expect(result.error.contains("Read-only file system"), "\(result.error)")
            }
        }

        @Test(
            "in a user namespace, a file of a user who does not exist there keeps its owner",
            .enabled(if: geteuid() == 0, "only root can create files of other users"))
        func userNamespace() throws {
            #expect(chmod(folder.file("home"), 0o777) == 0)
            #expect(chown(path, 65_530, 65_530) == 0)
            #expect(chmod(path, 0o666) == 0)
            let result = try change(script: #"exec unshare -Ur "$@""#)
            #expect(result.status == 0, "\(result.error)")
            #expect(folder.read("home/credentials") == after())
            var status = stat()
            #expect(stat(path, &status) == 0 && status.st_uid == 65_530)
            #expect(result.error.contains("cannot be replaced"), "\(result.error)")
            // A new file in such a user's folder belongs to the writer.
            #expect(chown(folder.file("home"), 65_530, 65_530) == 0)
            #expect(unlink(path) == 0)
            let new = try change(script: #"exec unshare -Ur "$@""#)
            #expect(new.status == 0, "\(new.error)")
            #expect(folder.read("home/credentials") == "[default]\nproject_id = x\n")
        }

        @Test("a name that leaves no room for that of a temporary file")
        func longName() throws {
            let name = String(repeating: "n", count: 254)
            _ = try folder.write(Self.before, to: name)
            #expect(chmod(folder.file(name), 0o600) == 0)
            let result = try change(environment: ["PODSTACK_CREDENTIALS_FILE": folder.file(name)])
            #expect(result.status == 0, "\(result.error)")
            #expect(folder.read(name) == after())
            #expect(result.error.contains("File name too long"), "\(result.error)")
        }

        @Test("what a crash left of a file that is overwritten in place can be found")
        func copyAfterCrash() throws {
            _ = try folder.write("[default]\napi_tok", to: "home/credentials")
            _ = try folder.write(Self.before, to: "home/credentials.backup")
            let result = try change()
            #expect(result.status == 1)
            #expect(
                result.error == """
                    error: \(path):2: expected [profile] or key = value
                    hint: \(path).backup contains the content before the last change, which did not finish

                    """)
        }

        // MARK: - What is not a file

        @Test("a device, a directory, a pipe or a terminal is never replaced")
        func notFiles() throws {
            #expect(mkfifo(folder.file("pipe"), 0o600) == 0)
            #expect(symlink("/dev/null", folder.file("link")) == 0)
            let places = [
                "/dev/null", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/dev/tty", "/dev/new", folder.path,
                folder.file("home/"), folder.file("none/"), folder.file("."), folder.file("home/.."),
                folder.file("pipe"), folder.file("link"), "/",
            ]
            for place in places {
                let result = try change(environment: ["PODSTACK_CREDENTIALS_FILE": place])
                #expect(result.status == 1, "\(place)")
                #expect(
                    result.error == "error: \(place) cannot be written: it is not a regular file\n", "\(result.error)")
                #expect(result.output == "")
            }
            var status = stat()
            #expect(lstat("/dev/null", &status) == 0 && status.st_mode & S_IFMT == S_IFCHR)
            #expect(lstat(folder.file("link"), &status) == 0 && status.st_mode & S_IFMT == S_IFLNK)
            #expect(folder.read("none") == nil)
            #expect(folder.read("home/credentials") == Self.before)
        }

        @Test("a login says before it asks for a token that the file cannot be written")
        func login() throws {
            let result = try ToolProcess.run(
                "podstack", ["auth", "login"], environment: ["PODSTACK_CREDENTIALS_FILE": "/dev/null"])
            #expect(result.status == 1)
            #expect(result.error == "error: /dev/null cannot be written: it is not a regular file\n")
        }

        @Test("a token is read from a device or a pipe, but not from a directory")
        func tokenFiles() throws {
            func whoami(_ file: String, input: String) throws -> (status: Int32, output: String, error: String) {
                try ToolProcess.run(
                    "/bin/sh",
                    [
                        "-c", #"printf %s "$1" | "$2" auth whoami --token-file "$3""#, "sh", input,
                        ToolProcess.path(of: "podstack"), file,
                    ],
                    environment: ["HOME": folder.path, "PODSTACK_API_ENDPOINT": "http://127.0.0.1:9"])
            }
            for file in ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"] {
                #expect(try whoami(file, input: "no token").error.contains("contains whitespace"), "\(file)")
            }
            #expect(try whoami(folder.path, input: "").error == "error: \(folder.path) is a directory\n")
            #expect(try whoami("/dev/null", input: "").error.contains("is empty"))
        }
    }
#endif
