import Glibc

@testable import Podstack

/// `.env` files, with and without override.
enum DotEnvTarget {
    /// Values that no input contains by chance.
    private static let secrets = ["P": "process-zQ7vK2mXw9", "HOME": "process-home-aR4tY8uL1c", "EMPTY": ""]

    static func run(_ input: [UInt8]) {
        let start = processorTime()
        let text: [UInt8]
        do { text = try DotEnvText.normalized(input) } catch {
            require(error.offset < input.count, "the wrong byte is in the file")
            let valid = String(validating: input[..<error.offset], as: UTF8.self)
            require(valid != nil, "what stands before the wrong byte is UTF-8")
            return
        }
        require(!text.contains(0x0D), "only LF ends a line")
        let lineCount = text.count { $0 == 0x0A } + 1
        for override in [false, true] { check(input, text, override: override, lineCount: lineCount) }
        require(processorTime() - start < 4, "the time is in proportion to the size")
    }

    private static func check(_ input: [UInt8], _ text: [UInt8], override: Bool, lineCount: Int) {
        let environment = PodstackEnvironment(secrets)
        guard let file = try? DotEnv(input, path: nil, environment: environment, override: override) else {
            require(text.contains(UInt8(ascii: "$")), "only what is expanded may be too large")
            return
        }
        let lines = file.errorLines + file.variables.map(\.line)
        require(lines.allSatisfy { (1...lineCount).contains($0) }, "every line is in the file")
        require(zip(file.errorLines, file.errorLines.dropFirst()).allSatisfy { $0 < $1 }, "errors come in order")
        require(file.variables.allSatisfy { !$0.name.isEmpty }, "a name is not empty")
        let size = file.variables.reduce(0) { $0 + ($1.value?.utf8.count ?? 0) }
        require(size <= 16 << 20, "what is expanded is bounded")
        for variable in file.variables where variable.isLiteral {
            // Searching the largest ones takes longer than everything else.
            guard let value = variable.value, value.utf8.count <= 65_536 else { continue }
            for secret in secrets.values where !secret.isEmpty && FuzzInput.contains(secret.utf8, in: value.utf8) {
                let isOfFile = FuzzInput.contains(secret.utf8, in: text)
                require(isOfFile, "what came from the environment is not of the file")
            }
        }
        if text.count <= 2048 { compare(file, text, override: override) }
    }

    /// Compares with the naive expansion of the same statements.
    private static func compare(_ file: DotEnv, _ text: [UInt8], override: Bool) {
        var known: [(name: [UInt8], value: NaiveExpansion.Value)] = []
        for statement in DotEnvParser(text).statements {
            let value = NaiveExpansion.expand(statement.value) { name in
                let ofFile = known.last { $0.name == name }?.value
                if override, let ofFile { return ofFile }
                return secrets[FuzzInput.text(name)].map { .init(text: Array($0.utf8), isLiteral: false) } ?? ofFile
            }
            guard value.text?.count ?? 0 <= 1 << 20 else { return }
            known.append((Array(statement.key.utf8), value))
        }
        for variable in file.variables {
            guard let expected = known.last(where: { $0.name == Array(variable.name.utf8) })?.value else {
                return require(false, "a variable is of a statement")
            }
            require(variable.value.map { Array($0.utf8) } == expected.text, "the same value")
            require(variable.isLiteral == expected.isLiteral, "the same origin")
        }
    }

    private static func processorTime() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
