import Testing

@testable import Trust

struct HostNameRuleTests {
  @Test(arguments: [
    ("hd-1", "hd-1"), ("HD-1", "hd-1"), ("hd-1.", "hd-1"), ("a.b.example", "A.B.Example."),
    ("*.internal-server.local", "test.internal-server.local"), ("*.example", "a.example"), ("name with space", "name with space"),
  ])
  func namesThatMatch(pattern: String, name: String) {
    #expect(HostNameRule.matches(pattern: pattern, name: name))
  }

  @Test(arguments: [
    ("hd-1", "hd-2"), ("hd-1", "hd-1.local"), ("*.internal-server.local", "internal-server.local"),
    ("*.internal-server.local", "a.b.internal-server.local"), ("*", "hd-1"), ("*.*.local", "a.b.local"), ("a.*.local", "a.b.local"),
    ("a*.local", "ab.local"), ("", ""), ("a", ""), ("", "a"), ("a..b", "a..b"), (".a", ".a"), ("*.a", "*.b"), ("ä", "Ä"),
    ("hd-1\u{0}", "hd-1"), ("*.", "a"),
  ])
  func namesThatDoNot(pattern: String, name: String) {
    #expect(!HostNameRule.matches(pattern: pattern, name: name))
  }
}
