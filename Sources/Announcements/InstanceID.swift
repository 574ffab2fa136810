/// Which of an operator's private proxies speaks: a text that it draws for itself and sends with what it announces.
///
/// Deployed private proxies send none; all of those of one operator then count as one.
public struct InstanceID: Hashable, Sendable {
  /// Longer ones would cost memory for nothing: 128 random bits take 32 digits.
  static let maximumBytes = 64

  public let text: String

  /// - Returns: nil when the text is not 1 to 64 letters, digits, hyphens, underscores and dots.
  public init?(_ text: String) {
    guard (1...Self.maximumBytes).contains(text.utf8.count), text.utf8.allSatisfy(Self.isAllowed) else { return nil }
    self.text = text
  }

  /// 96 random bits: two of one operator's never meet.
  public static func random(using generator: inout some RandomNumberGenerator) -> InstanceID {
    let digits = Array("0123456789abcdef".utf8)
    let text = String(decoding: (0..<24).map { _ in digits[Int.random(in: 0..<16, using: &generator)] }, as: UTF8.self)
    return InstanceID(unchecked: text)
  }

  private init(unchecked text: String) {
    self.text = text
  }

  private static func isAllowed(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
      UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
      true
    default: false
    }
  }
}

extension InstanceID: CustomStringConvertible {
  public var description: String { text }
}

extension InstanceID: Comparable {
  public static func < (left: InstanceID, right: InstanceID) -> Bool { left.text < right.text }
}
