/// Writes tar archives of small files (POSIX ustar).
enum TarArchive {
    /// Returns an archive of files that every user can read, and of the directories that contain them.
    ///
    /// - Parameter files: The absolute paths, and the contents.
    /// - Returns: The bytes of the archive.
    static func files(_ files: [(path: String, content: [UInt8])]) -> [UInt8] {
        var archive: [UInt8] = []
        var directories: Set<String> = []
        for (path, content) in files {
            let name = String(path.drop { $0 == "/" })
            if let slash = name.lastIndex(of: "/") {
                let directory = String(name[...slash])
                // Only the last directory: one of those above it may be a link in the image, which must stay one.
                if directories.insert(directory).inserted {
                    archive += header(directory, mode: 0o755, size: 0, type: UInt8(ascii: "5"))
                }
            }
            archive += header(name, mode: 0o444, size: content.count, type: UInt8(ascii: "0"))
            archive += content
            archive += [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
        }
        return archive + [UInt8](repeating: 0, count: 1024)
    }

    private static func header(_ name: String, mode: Int, size: Int, type: UInt8) -> [UInt8] {
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ bytes: some Sequence<UInt8>, at offset: Int, atMost count: Int) {
            for (index, byte) in bytes.prefix(count).enumerated() { header[offset + index] = byte }
        }
        func octal(_ number: Int, digits: Int) -> [UInt8] {
            let text = String(number, radix: 8)
            return Array((String(repeating: "0", count: max(0, digits - text.utf8.count)) + text).utf8)
        }
        // A longer name has its directories in a field of their own.
        let bytes = Array(name.utf8)
        if bytes.count > 100, let slash = bytes.dropLast().lastIndex(of: UInt8(ascii: "/")) {
            put(bytes[..<slash], at: 345, atMost: 155)
            put(bytes[(slash + 1)...], at: 0, atMost: 100)
        } else {
            put(bytes, at: 0, atMost: 100)
        }
        put(octal(mode, digits: 7), at: 100, atMost: 7)
        put(octal(0, digits: 7), at: 108, atMost: 7)
        put(octal(0, digits: 7), at: 116, atMost: 7)
        put(octal(size, digits: 11), at: 124, atMost: 11)
        put(octal(0, digits: 11), at: 136, atMost: 11)
        header[156] = type
        put("ustar".utf8, at: 257, atMost: 5)
        put("00".utf8, at: 263, atMost: 2)
        // The checksum is computed with spaces in its own place.
        put([UInt8](repeating: 0x20, count: 8), at: 148, atMost: 8)
        let sum = header.reduce(0) { $0 + Int($1) }
        put(octal(sum, digits: 6) + [0, 0x20], at: 148, atMost: 8)
        return header
    }
}
