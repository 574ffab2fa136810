/// Makes text that may come from anywhere fit into one line that a terminal shows as it is.
public enum LineText {
  /// A value longer than this is cut: a name of a megabyte would hide the rest of the line.
  public static let characterLimit = 512

  /// Text with control characters, line ends and invisible direction marks escaped, cut at the limit.
  public static func escaped(_ text: String) -> String {
    var result = ""
    appendEscaped(text, quoting: false, to: &result)
    return result
  }

  /// A value in the text form: as it is, or quoted when it is empty or holds anything but plain characters.
  static func value(_ text: String) -> String {
    let plain = !text.isEmpty && text.utf8.count <= characterLimit && text.utf8.allSatisfy(isPlain)
    guard !plain else { return text }
    var result = "\""
    appendEscaped(text, quoting: true, to: &result)
    return result + "\""
  }

  /// A key in the text form; anything that would break `key=value` becomes `_`.
  static func key(_ text: String) -> String {
    String(decoding: text.utf8.map { isPlain($0) ? $0 : UInt8(ascii: "_") }, as: UTF8.self)
  }

  /// A JSON string literal (RFC 8259, 7), cut at the limit.
  static func json(_ text: String) -> String {
    var result = "\""
    for scalar in shortened(text) {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case _ where isInvisible(scalar):
        for unit in String(scalar).utf16 { result += "\\u" + padded(unit) }
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }

  private static func appendEscaped(_ text: String, quoting: Bool, to result: inout String) {
    for scalar in shortened(text) {
      switch scalar {
      case "\"" where quoting: result += "\\\""
      case "\\" where quoting: result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case _ where isInvisible(scalar): result += "\\u{\(String(scalar.value, radix: 16))}"
      default: result.unicodeScalars.append(scalar)
      }
    }
  }

  private static func shortened(_ text: String) -> String.UnicodeScalarView {
    let scalars = text.unicodeScalars
    guard let end = scalars.index(scalars.startIndex, offsetBy: characterLimit, limitedBy: scalars.endIndex), end != scalars.endIndex else {
      return scalars
    }
    var cut = String.UnicodeScalarView(scalars[..<end])
    cut.append("…")
    return cut
  }

  /// Printable ASCII without space, quote, backslash and equals sign.
  private static func isPlain(_ byte: UInt8) -> Bool {
    byte > 0x20 && byte < 0x7F && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\") && byte != UInt8(ascii: "=")
  }

  private static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
    guard !scalar.isASCII else { return scalar.value < 0x20 || scalar.value == 0x7F }
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned, .surrogate: return true
    default: return false
    }
  }

  private static func padded(_ unit: UInt16) -> String {
    let digits = String(unit, radix: 16)
    return String(repeating: "0", count: 4 - digits.count) + digits
  }
}
