import HTTPWire
import OpenAIWire
import Testing

@Suite struct ResponsesRequestTests {
    private func chat(_ members: String) throws -> JSONValue {
        try JSONValue.parse(try ResponsesRequest(Array(#"{"model":"m",\#(members)}"#.utf8)).chat)
    }

    @Test func textBecomesAMessageBehindTheInstructions() throws {
        let chat = try chat(#""instructions":"be brief","input":"hi","max_output_tokens":9,"temperature":0.5,"stream":true,"store":false"#)
        #expect(chat["messages"] == [["role": "system", "content": "be brief"], ["role": "user", "content": "hi"]])
        #expect(chat["max_completion_tokens"] == 9)
        #expect(chat["temperature"] == .number(0.5))
        #expect(chat["stream"] == true)
        #expect(chat["store"] == nil && chat["input"] == nil)
    }

    @Test func aConversationWithToolsBecomesMessages() throws {
        let items = """
            {"role":"developer","content":"rules"},{"role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_text","text":"b"}]},
            {"type":"reasoning","id":"rs_1","summary":[],"content":[{"type":"reasoning_text","text":"hm"}]},
            {"type":"message","role":"assistant","content":[{"type":"output_text","text":"one moment","annotations":[]}]},
            {"type":"function_call","call_id":"c1","name":"f","arguments":"{}"},{"type":"function_call","call_id":"c2","name":"g","arguments":"{}"},
            {"type":"function_call_output","call_id":"c1","output":"1"},
            {"type":"function_call_output","call_id":"c2","output":[{"type":"input_text","text":"2"}]}
            """
        let messages = try #require(try chat(#""instructions":"be brief","input":[\#(items)]"#)["messages"]?.array)
        #expect(messages.map { $0["role"]?.string } == ["system", "user", "assistant", "tool", "tool"])
        #expect(messages[0]["content"] == "be brief\n\nrules")
        #expect(messages[1]["content"] == "a\nb")
        #expect(messages[2]["content"] == "one moment")
        #expect(messages[2]["reasoning_content"] == "hm")
        #expect(messages[2].at("tool_calls.1.function.name") == "g")
        #expect(messages[4] == ["role": "tool", "tool_call_id": "c2", "content": "2"])
    }

    @Test func toolsFormatAndEffortAreReworded() throws {
        let tools = #""tools":[{"type":"function","name":"f","parameters":{"type":"object"},"strict":true},{"type":"function","name":"g"}]"#
        let allowed = #""tool_choice":{"type":"allowed_tools","mode":"required","tools":[{"type":"function","name":"f"}]}"#
        let format = #""text":{"format":{"type":"json_schema","name":"n","schema":{"type":"object"},"strict":true},"verbosity":"low"}"#
        let chat = try chat(#""input":"x",\#(tools),\#(allowed),\#(format),"reasoning":{"effort":"low"},"top_logprobs":2,"top_k":5"#)
        let parameters: JSONValue = ["name": "f", "parameters": ["type": "object"], "strict": true]
        #expect(chat["tools"] == [["type": "function", "function": parameters]])
        #expect(chat["tool_choice"] == "required")
        #expect(chat.at("response_format.json_schema") == ["name": "n", "schema": ["type": "object"], "strict": true])
        #expect(chat["reasoning_effort"] == "low" && chat["verbosity"] == "low")
        #expect(chat["logprobs"] == true && chat["top_logprobs"] == 2 && chat["top_k"] == 5)
    }

    @Test func picturesKeepTheirPlace() throws {
        let content = #"[{"type":"input_text","text":"what"},{"type":"input_image","image_url":"data:x","detail":"low"}]"#
        let chat = try chat(#""input":[{"role":"user","content":\#(content)}]"#)
        #expect(chat.at("messages.0.content.1") == ["type": "image_url", "image_url": ["url": "data:x", "detail": "low"]])
    }

    @Test(arguments: [
        (#""store":true"#, "store"), (#""background":true"#, "background"), (#""previous_response_id":"r""#, "previous_response_id"),
        (#""conversation":"c""#, "conversation"), (#""prompt":{"id":"p"}"#, "prompt"), (#""truncation":"auto""#, "truncation"), (#""n":2"#, "n"),
        (#""tools":[{"type":"web_search"}]"#, "tools[0].type"), (#""text":{"format":{"type":"grammar"}}"#, "text.format.type"),
        (#""tool_choice":{"type":"mcp"}"#, "tool_choice.type"),
    ])
    func whatNeedsAStoreOrAnotherServiceIsRefusedByName(_ member: String, _ param: String) {
        #expect { try chat(#""input":"x",\#(member)"#) } throws: {
            ($0 as? APIError)?.code == .unsupportedParameter && ($0 as? APIError)?.param == param
        }
    }

    @Test(arguments: [
        ("", APIErrorCode.missingParameter, "input"), (#""input":7"#, .invalidType, "input"), (#""input":[]"#, .invalidValue, "input"),
        (#""input":["x"]"#, .invalidType, "input[0]"), (#""input":[{"role":"user"}]"#, .missingParameter, "input[0].content"),
        (#""input":[{"role":"king","content":"x"}]"#, .invalidValue, "input[0].role"),
        (#""input":[{"type":"item_reference","id":"secret"}]"#, .unsupportedParameter, "input[0].type"),
        (#""input":[{"type":"function_call","name":"f","arguments":"{}"}]"#, .missingParameter, "input[0].call_id"),
        (#""input":[{"role":"user","content":[{"type":"input_file","file_id":"secret"}]}]"#, .unsupportedParameter, "input[0].content[0].type"),
        (#""input":"x","tools":[{"type":"function"}]"#, .missingParameter, "tools[0].name"), (#""input":"x","store":1"#, .invalidType, "store"),
    ])
    func mistakesAreNamedByTheirPlaceAndQuoteNobody(_ members: String, _ code: APIErrorCode, _ param: String) {
        #expect { try chat(members.isEmpty ? #""top_k":1"# : members) } throws: {
            guard let error = $0 as? APIError else { return false }
            return error.code == code && error.param == param && !error.message.contains("secret") && !error.message.contains("king")
        }
    }

    @Test(arguments: ["[]", "7", "", #"{"input":"a","input":"b"}"#])
    func aBodyThatIsNoSoundObjectIsRefused(_ body: String) {
        #expect(throws: APIError.self) { try ResponsesRequest(Array(body.utf8)) }
    }
}
