import HTTPWire
import OpenAIWire
import Testing

@Suite struct MessagesRequestTests {
    private static let seventeen = "[" + Array(repeating: "\"secret\"", count: 17).joined(separator: ",") + "]"
    private static let hi = #""messages":[{"role":"user","content":"hi"}]"#

    private func chat(_ members: String) throws -> JSONValue {
        try JSONValue.parse(try MessagesRequest(Array(#"{"model":"m","max_tokens":9,\#(members)}"#.utf8)).chat)
    }

    @Test func systemAndSamplingAreReworded() throws {
        let system = #"[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}},{"type":"text","text":"b"}]"#
        let chat = try chat(
            #"\#(Self.hi),"system":\#(system),"stop_sequences":["x"],"top_k":3,"temperature":0,"metadata":{"user_id":"u"},"stream":true,"min_p":0.1"#)
        #expect(chat["messages"] == [["role": "system", "content": "a\nb"], ["role": "user", "content": "hi"]])
        #expect(chat["max_tokens"] == 9 && chat["stop"] == ["x"] && chat["top_k"] == 3 && chat["stream"] == true)
        #expect(chat["min_p"] == .number(0.1) && chat["metadata"] == nil)
        #expect(chat["chat_template_kwargs"] == ["enable_thinking": false, "thinking": false])
    }

    @Test(
        arguments: [
            (#""auto""#, nil), (#""standard_only""#, nil), ("null", nil), (#""batch""#, "batch"), (#""flex""#, "batch"),
        ] as [(String, String?)])
    func tiersOfServiceAreTheServicesOwn(_ told: String, _ asked: String?) throws {
        #expect(try chat(#"\#(Self.hi),"service_tier":\#(told)"#)["service_tier"]?.string == asked)
    }

    @Test(arguments: [#""priority""#, #""""#, "1"]) func otherTiersAreRefusedByName(_ told: String) throws {
        let error = #expect(throws: APIError.self) { try chat(#"\#(Self.hi),"service_tier":\#(told)"#) }
        #expect(error?.param == "service_tier" && error?.code == (told == "1" ? .invalidType : .invalidValue))
    }

    @Test func aTurnWithToolsBecomesMessages() throws {
        let use = #"{"type":"tool_use","id":"t1","name":"f","input":{"a":[1]}}"#
        let assistant = #"[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"text","text":"wait"},\#(use)]"#
        let picture = #"{"type":"image","source":{"type":"base64","media_type":"image/png","data":"QQ=="}}"#
        let result = #"{"type":"tool_result","tool_use_id":"t1","content":[{"type":"text","text":"one"},\#(picture)]}"#
        let failed = #"{"type":"tool_result","tool_use_id":"t2","content":"gone","is_error":true}"#
        let chat = try chat(
            #""messages":[{"role":"user","content":"q"},{"role":"assistant","content":\#(assistant)},"#
                + #"{"role":"user","content":[\#(result),\#(failed),{"type":"text","text":"and?"}]}]"#)
        let messages = try #require(chat["messages"]?.array)
        #expect(messages.map { $0["role"]?.string } == ["user", "assistant", "tool", "tool", "user"])
        #expect(messages[1]["content"] == "wait" && messages[1]["reasoning"] == "hm")
        #expect(messages[1].at("tool_calls.0.function") == ["name": "f", "arguments": #"{"a":[1]}"#])
        #expect(messages[2] == ["role": "tool", "tool_call_id": "t1", "content": "one"])
        #expect(messages[3]["content"] == "Error: gone")
        #expect(messages[4].at("content.0.image_url.url") == "data:image/png;base64,QQ==")
    }

    @Test func toolsThinkingAndSchemasAreReworded() throws {
        let tools = #""tools":[{"name":"f","description":"d","input_schema":{"type":"object"}}]"#
        let choice = #""tool_choice":{"type":"any","disable_parallel_tool_use":true},"thinking":{"type":"enabled","budget_tokens":1024}"#
        let output = #""output_config":{"effort":"low","format":{"type":"json_schema","schema":{"type":"object"}}}"#
        let chat = try chat(#"\#(Self.hi),\#(tools),\#(choice),\#(output)"#)
        #expect(chat.at("tools.0.function") == ["name": "f", "description": "d", "parameters": ["type": "object"]])
        #expect(chat["tool_choice"] == "required" && chat["parallel_tool_calls"] == false && chat["reasoning_effort"] == "low")
        #expect(chat.at("chat_template_kwargs.enable_thinking") == true)
        #expect(chat.at("response_format.json_schema.schema") == ["type": "object"])
    }

    @Test func theBeginningOfAnAnswerIsContinued() throws {
        let chat = try chat(#""messages":[{"role":"user","content":"q"},{"role":"assistant","content":"{"}]"#)
        #expect(chat["continue_final_message"] == true && chat["add_generation_prompt"] == false)
        #expect(try self.chat(Self.hi)["continue_final_message"] == nil)
    }

    @Test(arguments: [
        (#""mcp_servers":[{"type":"url"}]"#, "mcp_servers"), (#""container":"c""#, "container"), (#""n":2"#, "n"),
        (#""tools":[{"type":"bash_20250124","name":"bash"}]"#, "tools[0].type"), (#""thinking":{"type":"maybe"}"#, "thinking.type"),
    ])
    func whatThisServiceHasNotIsRefusedByName(_ member: String, _ param: String) {
        #expect { try chat(#"\#(Self.hi),\#(member)"#) } throws: {
            ($0 as? APIError)?.code == .unsupportedParameter && ($0 as? APIError)?.param == param
        }
    }

    @Test(arguments: [
        (#""messages":[]"#, APIErrorCode.invalidValue, "messages"),
        (#""messages":[{"role":"king","content":"x"}]"#, .invalidValue, "messages[0].role"),
        (#""messages":[{"role":"user"}]"#, .missingParameter, "messages[0].content"), (#""system":"x""#, .missingParameter, "messages"),
        (#""messages":[{"role":"user","content":[{"type":"secret"}]}]"#, .unsupportedParameter, "messages[0].content[0].type"),
        (#""messages":[{"role":"user","content":"x"}],"system":7"#, .invalidType, "system"),
        (#""messages":[{"role":"user","content":"x"}],"stop_sequences":["secret",1]"#, .invalidType, "stop_sequences"),
        (#""messages":[{"role":"user","content":"x"}],"stop_sequences":"secret""#, .invalidType, "stop_sequences"),
        (#""messages":[{"role":"user","content":"x"}],"stop_sequences":\#(seventeen)"#, .invalidValue, "stop_sequences"),
        (
            #""messages":[{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"b"}]}]"#, .missingParameter,
            "messages[0].content[0].input"
        ),
    ])
    func mistakesAreNamedByTheirPlaceAndQuoteNobody(_ members: String, _ code: APIErrorCode, _ param: String) {
        #expect { try chat(members) } throws: {
            guard let error = $0 as? APIError else { return false }
            return error.code == code && error.param == param && !error.message.contains("secret") && !error.message.contains("king")
        }
    }

    @Test func tokensAreAskedFor() {
        #expect { try MessagesRequest(Array(#"{"model":"m",\#(Self.hi)}"#.utf8)) } throws: { ($0 as? APIError)?.param == "max_tokens" }
    }

    @Test func countingSendsOnlyWhatDecidesTheCount() throws {
        let body = #"{"model":"m",\#(Self.hi),"system":"s","max_tokens":1,"metadata":{"user_id":"u"},"cache_salt":"x"}"#
        let counted = try JSONValue.parse(try MessagesRequest.counting(Array(body.utf8)))
        #expect(counted.object?.names == ["model", "system", "messages"])
        #expect(throws: APIError.self) { try MessagesRequest.counting(Array(#"{"model":"m","messages":[7]}"#.utf8)) }
    }
}
