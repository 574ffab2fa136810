/// The known word that is meant, probably: nil when none is near.
///
/// Spelling variants (`verifyClient` for `verify_client`) count as equal; otherwise at most a third of the word may differ.
func nearest(to word: String, among known: some Sequence<String>) -> String? {
  let plain = bare(word)
  var best: (word: String, distance: Int)?
  for candidate in known where candidate != word {
    let distance = bare(candidate) == plain ? 0 : editDistance(Array(word.utf8.prefix(64)), Array(candidate.utf8.prefix(64)))
    let shorter = min(word.utf8.count, candidate.utf8.count)
    // Below the length of the word: one letter is near to every other letter.
    if distance <= max(1, shorter / 3), distance < shorter, distance < (best?.distance ?? .max) {
      best = (candidate, distance)
    }
  }
  return best?.word
}

/// The same as a hint.
func suggestion(for word: String, among known: some Sequence<String>) -> String? {
  nearest(to: word, among: known).map { "did you mean \"\($0)\"?" }
}

private func bare(_ word: String) -> String {
  word.lowercased().filter { $0 != "_" && $0 != "-" }
}

/// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment) that lead from one to the other.
func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
  var beforeLast: [Int] = []
  var last = Array(0...right.count)
  for (row, leftByte) in left.enumerated() {
    var current = [row + 1]
    for (column, rightByte) in right.enumerated() {
      var cost = min(last[column] + (leftByte == rightByte ? 0 : 1), last[column + 1] + 1, current[column] + 1)
      if row > 0, column > 0, leftByte == right[column - 1], left[row - 1] == rightByte {
        cost = min(cost, beforeLast[column - 1] + 1)
      }
      current.append(cost)
    }
    beforeLast = last
    last = current
  }
  return last[right.count]
}
