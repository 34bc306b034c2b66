import CJq
import PodstackCommandLine

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A program in the language of `jq`, which libjq runs.
///
/// The library is loaded when the first query is created, so that other commands start without it.
final class JSONQuery {
    /// A result of a query.
    enum Value: Equatable {
        /// A string, without quotes and escapes.
        case string(String)
        /// Any other value, as JSON on one line.
        case json(String)
    }

    private let library: Library
    private var state: OpaquePointer?
    /// The further inputs of the program, of which there are none.
    private var inputs: OpaquePointer?

    /// Collects the messages of the library.
    private final class Messages {
        var texts: [String] = []
        let library: Library
        init(_ library: Library) { self.library = library }
    }

    /// Compiles a program.
    ///
    /// - Parameter program: The program, such as `.tokens[].name`.
    /// - Throws: ``UsageError`` when the program is invalid, ``CommandError`` when libjq is not installed.
    init(_ program: String) throws {
        library = try Library.load()
        let collected = Messages(library)
        guard let state = library.create() else { throw CommandError(message: "--jq: libjq cannot start") }
        self.state = state
        inputs = library.connectInputs(state)
        library.setSearchPath(state)
        library.setMessageFunction(
            state,
            { context, message in
                guard let context else { return }
                let messages = Unmanaged<Messages>.fromOpaque(context).takeUnretainedValue()
                messages.texts.append(messages.library.text(message))
            }, Unmanaged.passUnretained(collected).toOpaque())
        let isValid = program.withCString { library.compile(state, $0) } != 0
        // The collector ends here, and errors of the input are results.
        library.setMessageFunction(state, { _, _ in }, nil)
        guard isValid else {
            throw UsageError(
                "--jq: \(Self.sentence(collected.texts.first))", hint: "man jq explains the language of the expression")
        }
    }

    deinit {
        library.teardown(&state)
        library.freeInputs(&inputs)
    }

    /// Returns the results for a JSON text.
    ///
    /// - Parameter json: One JSON text.
    /// - Returns: The results, in order.
    /// - Throws: ``CommandError`` when the text is not JSON, or when the program fails for it.
    func results(of json: [UInt8]) throws -> [Value] {
        guard let state else { return [] }
        let input = json.withUnsafeBytes {
            library.parse($0.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(clamping: $0.count))
        }
        guard library.kind(input) != podstack_jv_kind_invalid else {
            library.free(input)
            throw CommandError(message: "--jq: the response is not JSON")
        }
        library.start(state, input, 0)
        var values: [Value] = []
        while true {
            let value = library.next(state)
            switch library.kind(value) {
            case podstack_jv_kind_invalid:
                guard library.hasMessage(library.copy(value)) != 0 else {
                    library.free(value)
                    return values
                }
                let message = library.text(library.message(value))
                // The error of `input` after the last input.
                let sentence = message == "break" ? "there is no further input" : Self.sentence(message)
                throw CommandError(message: "--jq: \(sentence)")
            case podstack_jv_kind_string: values.append(.string(library.text(value)))
            default: values.append(.json(library.text(library.dump(value, 0))))
            }
        }
    }

    /// Returns a message of the library without the name of its program and its further lines.
    private static func sentence(_ text: String?) -> String {
        let line = text?.split(whereSeparator: \.isNewline).first.map(String.init) ?? "invalid expression"
        let start = "jq: error: "
        let sentence = line.hasPrefix(start) ? line.dropFirst(start.count) : line[...]
        // The library names the line of the expression, which is always the first.
        let end = " at <top-level>, line 1:"
        return String(sentence.hasSuffix(end) ? sentence.dropLast(end.count) : sentence)
    }

    // MARK: - The library

    /// The functions of libjq that are used.
    ///
    /// Each of them consumes its values, except `kind` and `string`.
    private struct Library {
        typealias MessageFunction = @convention(c) (UnsafeMutableRawPointer?, podstack_jv) -> Void

        let create: @convention(c) () -> OpaquePointer?
        let teardown: @convention(c) (UnsafeMutablePointer<OpaquePointer?>) -> Void
        let setMessageFunction: @convention(c) (OpaquePointer, MessageFunction, UnsafeMutableRawPointer?) -> Void
        let compile: @convention(c) (OpaquePointer, UnsafePointer<CChar>) -> Int32
        let start: @convention(c) (OpaquePointer, podstack_jv, Int32) -> Void
        let next: @convention(c) (OpaquePointer) -> podstack_jv
        let parse: @convention(c) (UnsafePointer<CChar>?, Int32) -> podstack_jv
        let kind: @convention(c) (podstack_jv) -> Int32
        let copy: @convention(c) (podstack_jv) -> podstack_jv
        let free: @convention(c) (podstack_jv) -> Void
        let hasMessage: @convention(c) (podstack_jv) -> Int32
        let message: @convention(c) (podstack_jv) -> podstack_jv
        let dump: @convention(c) (podstack_jv, Int32) -> podstack_jv
        let string: @convention(c) (podstack_jv) -> UnsafePointer<CChar>?
        let stringLength: @convention(c) (podstack_jv) -> Int32
        let createString: @convention(c) (UnsafePointer<CChar>) -> podstack_jv
        let createArray: @convention(c) () -> podstack_jv
        let append: @convention(c) (podstack_jv, podstack_jv) -> podstack_jv
        let setAttribute: @convention(c) (OpaquePointer, podstack_jv, podstack_jv) -> Void
        let createInputs: @convention(c) (InputErrorFunction?, UnsafeMutableRawPointer?) -> OpaquePointer?
        let freeInputs: @convention(c) (UnsafeMutablePointer<OpaquePointer?>) -> Void
        let setInputFunction: @convention(c) (OpaquePointer, UnsafeMutableRawPointer, OpaquePointer) -> Void
        /// The function `jq_util_input_next_input_cb`.
        ///
        /// The functions that name the input require this one, and end the process without it.
        let nextInput: UnsafeMutableRawPointer

        typealias InputErrorFunction = @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<CChar>?) -> Void

        /// Connects a program to a list of inputs without elements, which `input` and `inputs` read.
        func connectInputs(_ state: OpaquePointer) -> OpaquePointer? {
            guard let inputs = createInputs(nil, nil) else { return nil }
            setInputFunction(state, nextInput, inputs)
            return inputs
        }

        /// Sets the directories of modules as in the program `jq`; without them, `import` would end the process.
        func setSearchPath(_ state: OpaquePointer) {
            setAttribute(state, createString("JQ_LIBRARY_PATH"), append(createArray(), createString("~/.jq")))
            setAttribute(state, createString("JQ_ORIGIN"), createString("/nonexistent"))
            setAttribute(state, createString("PROGRAM_ORIGIN"), createString("/nonexistent"))
        }

        static func load() throws -> Library {
            for name in ["libjq.so.1", "libjq.1.dylib"] {
                if let handle = dlopen(name, RTLD_NOW), let library = Library(handle) { return library }
            }
            throw CommandError(
                message: "--jq needs libjq, which is not installed",
                hint: "On Debian and Ubuntu: apt install libjq1. Without it, pipe the output to jq")
        }

        private init?(_ handle: UnsafeMutableRawPointer) {
            func find<Function>(_ name: String, as type: Function.Type = Function.self) -> Function? {
                dlsym(handle, name).map { unsafeBitCast($0, to: Function.self) }
            }
            guard let create = find("jq_init", as: (@convention(c) () -> OpaquePointer?).self),
                let teardown = find(
                    "jq_teardown", as: (@convention(c) (UnsafeMutablePointer<OpaquePointer?>) -> Void).self),
                let setMessageFunction = find(
                    "jq_set_error_cb",
                    as: (@convention(c) (OpaquePointer, MessageFunction, UnsafeMutableRawPointer?) -> Void).self),
                let compile = find(
                    "jq_compile", as: (@convention(c) (OpaquePointer, UnsafePointer<CChar>) -> Int32).self),
                let start = find("jq_start", as: (@convention(c) (OpaquePointer, podstack_jv, Int32) -> Void).self),
                let next = find("jq_next", as: (@convention(c) (OpaquePointer) -> podstack_jv).self),
                let parse = find(
                    "jv_parse_sized", as: (@convention(c) (UnsafePointer<CChar>?, Int32) -> podstack_jv).self),
                let kind = find("jv_get_kind", as: (@convention(c) (podstack_jv) -> Int32).self),
                let copy = find("jv_copy", as: (@convention(c) (podstack_jv) -> podstack_jv).self),
                let free = find("jv_free", as: (@convention(c) (podstack_jv) -> Void).self),
                let hasMessage = find("jv_invalid_has_msg", as: (@convention(c) (podstack_jv) -> Int32).self),
                let message = find("jv_invalid_get_msg", as: (@convention(c) (podstack_jv) -> podstack_jv).self),
                let dump = find("jv_dump_string", as: (@convention(c) (podstack_jv, Int32) -> podstack_jv).self),
                let string = find("jv_string_value", as: (@convention(c) (podstack_jv) -> UnsafePointer<CChar>?).self),
                let stringLength = find("jv_string_length_bytes", as: (@convention(c) (podstack_jv) -> Int32).self),
                let createString = find(
                    "jv_string", as: (@convention(c) (UnsafePointer<CChar>) -> podstack_jv).self),
                let createArray = find("jv_array", as: (@convention(c) () -> podstack_jv).self),
                let append = find(
                    "jv_array_append", as: (@convention(c) (podstack_jv, podstack_jv) -> podstack_jv).self),
                let setAttribute = find(
                    "jq_set_attr", as: (@convention(c) (OpaquePointer, podstack_jv, podstack_jv) -> Void).self),
                let createInputs = find(
                    "jq_util_input_init",
                    as: (@convention(c) (InputErrorFunction?, UnsafeMutableRawPointer?) -> OpaquePointer?).self),
                let freeInputs = find(
                    "jq_util_input_free", as: (@convention(c) (UnsafeMutablePointer<OpaquePointer?>) -> Void).self),
                let setInputFunction = find(
                    "jq_set_input_cb",
                    as: (@convention(c) (OpaquePointer, UnsafeMutableRawPointer, OpaquePointer) -> Void).self),
                let nextInput = dlsym(handle, "jq_util_input_next_input_cb")
            else { return nil }
            self.create = create
            self.teardown = teardown
            self.setMessageFunction = setMessageFunction
            self.compile = compile
            self.start = start
            self.next = next
            self.parse = parse
            self.kind = kind
            self.copy = copy
            self.free = free
            self.hasMessage = hasMessage
            self.message = message
            self.dump = dump
            self.string = string
            self.stringLength = stringLength
            self.createString = createString
            self.createArray = createArray
            self.append = append
            self.setAttribute = setAttribute
            self.createInputs = createInputs
            self.freeInputs = freeInputs
            self.setInputFunction = setInputFunction
            self.nextInput = nextInput
        }

        /// Returns the text of a string, or another value as JSON.
        func text(_ value: podstack_jv) -> String {
            let value = kind(value) == podstack_jv_kind_string ? value : dump(value, 0)
            defer { free(value) }
            guard let start = string(value) else { return "" }
            let count = Int(stringLength(copy(value)))
            return start.withMemoryRebound(to: UInt8.self, capacity: count) {
                String(decoding: UnsafeBufferPointer(start: $0, count: count), as: UTF8.self)
            }
        }
    }
}
