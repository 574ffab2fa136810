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

  @Test func aSingleNameCoversItselfAndNothingElse() throws {
    let allowed = try AllowedDomains([".example.org"], names: ["Example.org", "*.Example.net"])
    for name in ["example.org", "a.example.org", "*.example.org", "*.example.net"] { #expect(allowed.permits(name), "\(name)") }
    for name in ["example.net", "a.example.net", "*.a.example.net", "*.org"] { #expect(!allowed.permits(name), "\(name)") }
    #expect(allowed.names("example.org"))
    #expect(!allowed.names("a.example.org"))
    #expect(allowed.entries == [".example.org", "*.example.net", "example.org"])
  }

  @Test(arguments: ["", ".", "*", ".example.org", "a.*.org", "example.org.", "::1"])
  func aSingleNameThatIsNoneIsAnError(_ name: String) {
    #expect(throws: AllowedDomainsError.self) { try AllowedDomains([], names: ["fine.org", name]) }
  }

  @Test func singleNamesAreReadFromSettingsWithOrWithoutDomains() throws {
    #expect(try AllowedDomains(settings: ["allowed_names": ["a.org"]]) == AllowedDomains([], names: ["a.org"]))
    let both = try AllowedDomains(settings: ["allowed_names": ["a.org"], "allowed_domains": [".a.org"]])
    #expect(both == (try AllowedDomains([".a.org"], names: ["a.org"])))
    for wrong in ["a.org", nil, [1], ["."]] as [JSONValue] {
      #expect(throws: AllowedDomainsError.self) { try AllowedDomains(settings: ["allowed_domains": [".a.org"], "allowed_names": wrong]) }
    }
  }

  @Test func whatIsAllowedIsSaidInWords() throws {
    let refusal = AnnouncementRefusal.notAllowed(domain: "x.com", allowed: try AllowedDomains([".a.org"], names: ["a.org"]).entries)
    #expect(refusal.description.contains("must end with .a.org or be a.org"))
    #expect(refusal.fault.data == [".a.org", "a.org"])
  }
}
