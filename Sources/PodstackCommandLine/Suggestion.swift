/// Finds the known word that a mistyped word probably stands for.
package enum Suggestion {
    /// Returns the known word with the fewest differences, at most two; nil when there is none, or when `word` is known.
    package static func nearest(to word: String, among known: [String]) -> String? {
        guard !known.contains(word) else { return nil }
        let word = Array(word.utf8)
        // With as many edits as it has letters, a word becomes any other.
        let limit = min(2, word.count - 1)
        guard word.count <= 64 else { return nil }
        let near = known.map { (name: $0, edits: edits(word, Array($0.utf8))) }.filter { $0.edits <= limit }
        return near.min { $0.edits < $1.edits }?.name
    }

    /// Returns the end of an error message, such as `; did you mean "list"?`; empty when no known word is near.
    package static func question(_ word: String, among known: [String]) -> String {
        nearest(to: word, among: known).map { "; did you mean \"\($0)\"?" } ?? ""
    }

    /// Returns how many letters must be added, removed, replaced or swapped with their neighbor.
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
