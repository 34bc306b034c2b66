/// What somebody meant who mistyped a word.
package enum NearMiss {
    /// The known word that is at most two edits away, the nearest and first of them; nil when none is, or it is known.
    package static func of(_ word: String, among known: [String]) -> String? {
        guard !known.contains(word) else { return nil }
        let word = Array(word.utf8)
        // With as many edits as it has letters, a word becomes any other.
        let most = min(2, word.count - 1)
        guard word.count <= 64 else { return nil }
        let near = known.map { (name: $0, edits: edits(word, Array($0.utf8))) }.filter { $0.edits <= most }
        return near.min { $0.edits < $1.edits }?.name
    }

    /// As the end of a sentence: `; did you mean "list"?`, or nothing.
    package static func question(_ word: String, among known: [String]) -> String {
        of(word, among: known).map { "; did you mean \"\($0)\"?" } ?? ""
    }

    /// How many letters must be added, removed, changed or swapped with their neighbour.
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
