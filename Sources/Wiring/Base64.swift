import Foundation

/// Base64 of small byte strings (RFC 4648, 4), as tokens travel in notices.
public enum Base64 {
  public static func encode(_ bytes: [UInt8]) -> String {
    Data(bytes).base64EncodedString()
  }

  /// Nil when the text is not strict Base64.
  public static func decode(_ text: String) -> [UInt8]? {
    Data(base64Encoded: text).map { [UInt8]($0) }
  }
}
