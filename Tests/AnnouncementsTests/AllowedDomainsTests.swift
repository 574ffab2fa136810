import Announcements
import HyperModel
import Testing

@Suite struct AllowedDomainsTests {
  @Test func aNameIsCoveredByASuffixButNotTheBareDomain() throws {
    let allowed = try allowing(".example.org", ".Internal-Server.LOCAL")
    for name in ["a.example.org", "a.b.example.org", "test.internal-server.local"] { #expect(allowed.permits(name), "\(name)") }
    for name in ["example.org", ".example.org", "aexample.org", "a.example.org.evil", "local", ""] {
      #expect(!allowed.permits(name), "\(name)")
    }
    #expect(!AllowedDomains.none.permits("a.example.org"))
    #expect(allowed.suffixes == [".example.org", ".internal-server.local"])
  }

  @Test(arguments: ["", ".", "..", "example.org", ".example.org.", "..example.org", ".exa mple", ".*", ".1"])
  func anEntryThatIsNoDotAndDomainIsAnError(_ suffix: String) {
    #expect(throws: AllowedDomainsError.self) { try AllowedDomains([".fine.org", suffix]) }
  }

  @Test func settingsAreRead() throws {
    #expect(try AllowedDomains(settings: ["allowed_domains": [".a.org"], "else": 1]).suffixes == [".a.org"])
    #expect(try AllowedDomains(settings: ["allowed_domains": []]) == .none)
  }

  @Test(
    arguments: [[:], ["allowed_domains": nil], ["allowed_domains": ".a.org"], ["allowed_domains": [1]], ["allowed_domains": ["."]]]
      as [[String: JSONValue]])
  func wrongSettingsAreAnError(_ settings: [String: JSONValue]) {
    #expect(throws: AllowedDomainsError.self) { try AllowedDomains(settings: settings) }
  }
}
