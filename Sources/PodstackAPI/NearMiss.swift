/// Finds the known word that was probably meant by a mistyped one.
package enum NearMiss {
    /// Returns the first of the nearest known words that are at most two edits away; nil if there is none, or the word is
    /// known.
    package static func of(_ word: String, among known: [String]) -> String? {
        guard !known.contains(word) else { return nil }
        let word = Array(word.utf8)
        // A word becomes any other of its length with as many edits as it has letters.
        let most = min(2, word.count - 1)
        guard word.count <= 64 else { return nil }
        let near = known.map { (name: $0, edits: edits(word, Array($0.utf8))) }.filter { $0.edits <= most }
        return near.min { $0.edits < $1.edits }?.name
    }

    /// Returns the end of a sentence such as `; did you mean "list"?`, or an empty string.
    package static func question(_ word: String, among known: [String]) -> String {
        of(word, among: known).map { "; did you mean \"\($0)\"?" } ?? ""
    }

    /// Returns the smallest number of letters to add, remove, change or swap with a neighbor (Damerau-Levenshtein distance).
    private static func edits(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var rows = [Array(0...right.count)]
        for (i, letter) in left.enumerated() {
            var row = [i + 1]
            for (j, other) in right.enumerated() {
                var cost = min(rows[i][j + 1] + 1, row[j] + 1, rows[i][j] + (letter == other ? 0 : 1))
                if i > 0, j > 0, letter == right[j - 1], left[i - 1] == other {
                    cost = min(cost, rows[i - 1][j - 1] + 1)
                }
                row.append(cost)
            }
            rows.append(row)
        }
        return rows[left.count][right.count]
    }
}
