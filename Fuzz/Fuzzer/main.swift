import Glibc

// podstack-fuzz TARGET [libFuzzer's options and corpora]
// podstack-fuzz --list
// podstack-fuzz --seeds TARGET VECTORS FOLDER

@_silgen_name("LLVMFuzzerRunDriver")
func runFuzzer(
    _ count: UnsafeMutablePointer<Int32>, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>,
    _ target: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
) -> Int32

private func fail(_ message: String) -> Never {
    let line = Array("error: \(message)\n".utf8)
    _ = write(STDERR_FILENO, line, line.count)
    exit(2)
}

private let words = CommandLine.arguments.dropFirst()
switch words.first {
case "--list":
    for target in FuzzTarget.all { print(target.name) }
    exit(0)
case "--seeds" where words.count == 4:
    do { try VectorSeeds.write(for: words[2], vectors: words[3], to: words[4]) } catch { fail("\(error)") }
    exit(0)
case let name?:
    guard let target = FuzzTarget.all.first(where: { $0.name == name }) else { fail("there is no target \(name)") }
    FuzzTarget.current = target
default: fail("name a target")
}

// libFuzzer gets the arguments without the target. To minimize an input, it starts this program again with them.
private var arguments = ([CommandLine.arguments[0]] + words.dropFirst()).map { strdup($0) } + [nil]
private var count = Int32(arguments.count - 1)
private let status = arguments.withUnsafeMutableBufferPointer { buffer -> Int32 in
    guard let base = buffer.baseAddress else { return 2 }
    return withUnsafeMutablePointer(to: &count) { count in
        // libFuzzer may change the pointer, so it gets a copy.
        var start: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?> = base
        return withUnsafeMutablePointer(to: &start) { address in
            address.withMemoryRebound(to: UnsafeMutablePointer<CChar>?.self, capacity: 1) { address in
                runFuzzer(count, address) { bytes, length in
                    FuzzTarget.current?.run(Array(UnsafeBufferPointer(start: bytes, count: length)))
                    return 0
                }
            }
        }
    }
}
exit(status)
