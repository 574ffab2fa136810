import Announcements
import Testing

@Suite struct DomainNameTests {
  @Test(arguments: ["a", "WWW.Example.ORG", "_acme._tcp.example.org", "xn--bcher-kva.example", "1.2.3.4.example", "a--b.example", "a.0xyz"])
  func aHostNameIsLowerCased(_ name: String) throws {
    #expect(try DomainName.normalized(name) == name.lowercased())
  }

  @Test(arguments: [
    "", ".", "a.", ".a", "a..b", "-a.org", "a-.org", "a b.org", "*.example.org", "bücher.example", "a\u{0}b.org", "a:1", "192.0.2.1",
    "0x7f.1",
    "a.0x1f", "::1", "\u{212A}.org", String(repeating: "a", count: 64), String(repeating: "a.", count: 127) + "org",
  ])
  func whatNoHelloCanAskForIsRefusedInWords(_ name: String) throws {
    let refusal = try #require(throws: AnnouncementRefusal.self) { try DomainName.normalized(name) }
    guard case .badName(name, let problem) = refusal else {
      Issue.record("\(refusal)")
      return
    }
    #expect(!problem.isEmpty)
    #expect(refusal.code == 400)
  }

  @Test func whatAPeerWroteIsEscapedAndCut() throws {
    let refusal = try #require(throws: AnnouncementRefusal.self) { try DomainName.normalized("a\n" + String(repeating: "x", count: 5000)) }
    #expect(refusal.description.count < 200)
    #expect(!refusal.description.contains("\n"))
  }

  @Test(arguments: ["*.Example.ORG", "*.org", "*._tcp.example.org", "*.a.b.example.org", "www.example.org"])
  func aNameOrAWildcardIsAPattern(_ pattern: String) throws {
    #expect(try DomainName.normalizedPattern(pattern) == pattern.lowercased())
  }

  @Test(arguments: [
    "", "*", "*.", "**.example.org", "*.*.org", "a.*.org", "a*.org", "*a.org", "*.example.org.", "*..org", "*.1", "*.192.0.2.1",
    "*.\u{301}a.org", "*.b\u{FC}cher.example", "*." + String(repeating: "a.", count: 125) + "ab",
  ])
  func anythingElseIsNone(_ pattern: String) throws {
    let refusal = try #require(throws: AnnouncementRefusal.self) { try DomainName.normalizedPattern(pattern) }
    guard case .badName(pattern, let problem) = refusal else {
      Issue.record("\(refusal)")
      return
    }
    #expect(!problem.isEmpty)
  }
}
