import PlimsollWire
import TestSupport
import Testing

@testable import Gateway

/// What a runtime would fetch from within its host's network is not passed to it.
@Suite struct MediaLinkTests {
    static let places = [
        "http://a.example/b.png", "https://a.example/b.png", "file:///etc/passwd", "ftp://a/b", "HTTPS://a.example/b",
        "http://169.254.169.254/latest",
        #"\u0068ttps://a/b"#, #"\thttps://a/b"#, "   http://a/b", "//a.example/b", "/etc/passwd", "DATA:image/png;base64,AAAA",
    ]

    private static func bodies(_ place: String) -> [(path: String, body: String, param: String)] {
        func chat(_ part: String, content: String = "content") -> String { #"{"model":"m","messages":[{"role":"user","\#(content)":[\#(part)]}]}"# }
        let picture = #"{"type":"image_url","image_url":{"url":"\#(place)"}}"#
        let source = #"{"type":"image","source":{"type":"url","url":"\#(place)"}}"#
        return [
            ("/v1/chat/completions", chat(picture), "messages"),
            ("/v1/chat/completions", chat(#"{"type":"image_url","image_url":"\#(place)"}"#), "messages"),
            ("/v1/chat/completions", chat(#"{"type":"image_url","image\u005furl":{"\u0075rl":"\#(place)"}}"#), "messages"),
            ("/v1/chat/completions", chat(picture, content: #"c\u006fntent"#), "messages"),
            ("/v1/chat/completions", chat(picture).replacing("messages", with: #"m\u0065ssages"#), "messages"),
            ("/v1/chat/completions", chat(#"{"type":"video_url","video_url":{"url":"\#(place)"}}"#), "messages"),
            ("/v1/chat/completions", chat(#"{"type":"text","text":"a"},{"audio_url":{"url":"\#(place)"}}"#), "messages"),
            ("/v1/responses", #"{"model":"m","input":[{"role":"user","content":[{"type":"input_image","image_url":"\#(place)"}]}]}"#, "input"),
            ("/v1/messages", #"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[\#(source)]}]}"#, "messages"),
        ]
    }

    private static var setup: GatewayFixture.Setup {
        var setup = GatewayFixture.Setup()
        setup.tier.maxPromptTokens = 100_000
        return setup
    }

    /// Calls the gateway with every body, and tells which answers do not have the wanted status.
    private static func ask(_ places: [String], _ setup: GatewayFixture.Setup, _ judge: (_ place: String, _ param: String, _ answer: String) -> Void)
        async throws
    {
        let runtime = try await ScriptedRuntime { _, _ in [.send(Answers.json(Samples.answer))] }
        _ = try await GatewayFixture.run([runtime], setup) { gateway in
            let client = try await TestClient(port: gateway.port)
            for place in places {
                for (path, body, param) in bodies(place) {
                    client.clear()
                    try await client.post(body, path: path)
                    judge(place, path == "/v1/messages" ? "" : #""param":"\#(param)""#, try await client.answer())
                }
            }
        }
    }

    @Test func `a link is refused in every API, however it is written`() async throws {
        try await Self.ask(Self.places, GatewayFixture.Setup()) { place, param, answer in
            #expect(
                answer.hasPrefix("HTTP/1.1 400 ") && answer.contains("must be sent in the request") && (param.isEmpty || answer.contains(param)),
                "\(place) \(answer)")
        }
    }

    @Test func `where links are followed, only those of https are`() async throws {
        var setup = Self.setup
        setup.settings.followsLinks = true
        // Two of the APIs are put into other words, where an escape is none any more.
        try await Self.ask(Self.places.filter { !$0.hasPrefix(#"\u0068"#) }, setup) { place, _, answer in
            #expect(answer.hasPrefix("HTTP/1.1 200 ") == place.hasPrefix("https:"), "\(place) \(answer)")
        }
    }

    @Test(arguments: [
        #"{"type":"text","text":"see http://a.example/b"}"#, #"{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA","detail":"low"}}"#,
        #"{"type":"input_audio","input_audio":{"data":"/9j/AAAA","format":"wav"}}"#,
        #"{"type":"text","text":"a","cache_control":{"type":"ephemeral","ttl":"5m"}}"#,
        #"{"type":"text","text":"a"}],"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"url\":\"http://a\"}"}}"#,
        #"{"type":"text","text":"a"}],"annotations":[{"type":"url_citation","url_citation":{"url":"https://a.example"}}"#,
    ])
    func `what is read as it stands may name a link`(_ part: String) async throws {
        let body = #"{"model":"m","messages":[{"role":"user","content":"a"},{"role":"assistant","content":[\#(part)]}]}"#
        let call = try await APICall.make("/v1/chat/completions", body, reply: Answers.json(Samples.answer), setup: Self.setup)
        #expect(call.status == "200", "\(call.body)")
    }
}
