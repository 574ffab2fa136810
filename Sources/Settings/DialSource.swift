import Glibc

/// Addresses of our own, from which connections are made.
enum DialSource {
  /// The elements of a list: numeric addresses, at most one of each family, because a family has but one use for one.
  static func list(_ section: Section, _ key: String) -> [String] {
    var taken: [Int32: String] = [:]
    var list: [String] = []
    for address in section.texts(key, numericAddress) {
      if let first = taken[address.family] {
        let family = address.family == AF_INET6 ? "IPv6" : "IPv4"
        section.fail(key, "expected one \(family) address at most, found \(first) and \(address.text)")
      }
      taken[address.family] = address.text
      list.append(address.text)
    }
    return list
  }

  private static func numericAddress(_ text: String) throws(TextMismatch) -> (family: Int32, text: String) {
    var hints = addrinfo()
    hints.ai_family = AF_UNSPEC
    hints.ai_flags = AI_NUMERICHOST
    var found: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(text, nil, &hints, &found) == 0, let family = found?.pointee.ai_family else {
      throw TextMismatch("a numeric IPv4 or IPv6 address", hint: "without a port, and IPv6 without brackets")
    }
    freeaddrinfo(found)
    return (family, text)
  }
}
