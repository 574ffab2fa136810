/// One item of `tcp_rate_limits` (PROTOCOL.md 11): at most so many connections per source and window; or of `name_rate_limits`: per server name.
public struct RateLimit: Hashable, Sendable {
  public var window: Window
  /// 1 or more.
  public var limit: Int

  public enum Window: String, Hashable, Sendable, CaseIterable {
    case second, minute, hour
  }

  public init(window: Window, limit: Int) {
    self.window = window
    self.limit = limit
  }
}

extension RateLimit {
  /// Reads `tcp_rate_limits` of a map, or a list of the same form.
  static func list(_ section: Section, _ key: String = "tcp_rate_limits") -> [RateLimit] {
    section.sections(key).map { item in
      let limit = RateLimit(
        window: item.required("type", placeholder: .second) { text throws(TextMismatch) in
          guard let window = Window(rawValue: text) else { throw TextMismatch("second, minute or hour") }
          return window
        },
        limit: item.integer("limit", in: 1...Int64(UInt32.max)) ?? 1)
      item.finish()
      return limit
    }
  }
}
