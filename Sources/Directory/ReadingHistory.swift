/// Decides when files are read again.
struct ReadingHistory: Sendable {
  private var marks: [DirectoryFiles.Mark]
  /// A second change within the same tick of the file system's clock leaves no mark, so what was read once is read once more at the next look.
  private var isConfirmed = false
  /// What the last look complained about.
  var lastComplaint: String?

  init(read marks: [DirectoryFiles.Mark]) {
    self.marks = marks
  }

  func needsReading(_ found: [DirectoryFiles.Mark]) -> Bool {
    found != marks || !isConfirmed
  }

  /// Before reading: what changes while it is read differs from this afterwards.
  mutating func willRead(_ found: [DirectoryFiles.Mark]) {
    isConfirmed = found == marks
    marks = found
  }

  /// What was found could not be read: the next look reads again, however it looks.
  mutating func failed() { isConfirmed = false }
}
