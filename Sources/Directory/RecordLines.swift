/// Finds the line on which a record of a directory file begins, for messages. The bytes have been parsed: they are known to be valid JSON
/// with a list `records` at the top.
enum RecordLines {
  /// - Parameter index: counted from 0.
  /// - Returns: counted from 1; nil when there is no such record.
  static func line(ofRecord index: Int, in bytes: [UInt8]) -> Int? {
    var scanner = Scanner(wanted: index)
    for byte in bytes {
      if let line = scanner.take(byte) { return line }
    }
    return nil
  }

  /// Counts brackets and lines; a value that is given byte after byte.
  private struct Scanner {
    let wanted: Int
    private var line = 1
    private var depth = 0
    private var isInString = false
    private var isEscaped = false
    /// The last string directly in the object at the top: before a bracket this is its key.
    private var key: [UInt8] = []
    private var isInRecords = false
    private var awaitsRecord = false
    private var seen = 0

    init(wanted: Int) { self.wanted = wanted }

    /// The line, when this byte is the first one of the record.
    mutating func take(_ byte: UInt8) -> Int? {
      if byte == 0x0a { line += 1 }
      if isInString {
        readString(byte)
        return nil
      }
      if byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d { return nil }
      if isInRecords, awaitsRecord, byte != UInt8(ascii: "]") {
        if seen == wanted { return line }
        seen += 1
        awaitsRecord = false
      }
      readMark(byte)
      return nil
    }

    private mutating func readString(_ byte: UInt8) {
      if isEscaped {
        isEscaped = false
      } else if byte == UInt8(ascii: "\\") {
        isEscaped = true
      } else if byte == UInt8(ascii: "\"") {
        isInString = false
        return
      }
      if depth == 1 { key.append(byte) }
    }

    private mutating func readMark(_ byte: UInt8) {
      switch byte {
      case UInt8(ascii: "\""):
        isInString = true
        if depth == 1 { key = [] }
      case UInt8(ascii: "{"): depth += 1
      case UInt8(ascii: "["):
        if depth == 1, key == Array("records".utf8) {
          isInRecords = true
          awaitsRecord = true
        }
        depth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        depth -= 1
        if depth == 1 { isInRecords = false }
      case UInt8(ascii: ","):
        if depth == 2 { awaitsRecord = true }
      default: break
      }
    }
  }
}
