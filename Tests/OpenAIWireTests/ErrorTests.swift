import HTTPWire
import OpenAIWire
import Testing

@Suite struct ErrorTests {
    @Test(arguments: APIErrorCode.allCases)
    func everyErrorIsOpenAIShaped(_ code: APIErrorCode) throws {
        let error = try #require(try JSONValue.parse(APIError(code, param: "a\"b").body)["error"])
        #expect(error["code"]?.string == code.rawValue)
        #expect(error["param"]?.string == "a\"b")
        #expect(error["message"]?.string == code.message)
        #expect(error["type"]?.string == code.type)
    }

    @Test(arguments: [
        (400, #"{"error":{"code":400,"message":"x","type":"exceed_context_size_error"}}"#, UpstreamVerdict.refused(.contextLengthExceeded)),
        (400, #"{"object":"error","message":"maximum context length is 5","type":"BadRequestError","code":400}"#, .refused(.contextLengthExceeded)),
        (
            422,
            #"{"error":"Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens","error_type":"validation"}"#,
            .refused(.contextLengthExceeded)
        ),
        (
            422, #"{"error":"Input validation error: `inputs` must have less than 1024 tokens. Given: 5000","error_type":"validation"}"#,
            .refused(.contextLengthExceeded)
        ),
        (
            400,
            #"{"error":{"message":"The decoder prompt (length 5000) is longer than the maximum model length of 4096.","type":"BadRequestError","code":400}}"#,
            .refused(.contextLengthExceeded)
        ),
        (
            400,
            #"{"error":{"message":"This model's maximum context length is 4096 tokens.","type":"BadRequestError","param":null,"code":400}}"#,
            .refused(.contextLengthExceeded)
        ),
        (400, "<html>", .refused(.invalidRequest)), (422, #"{"error":"x","error_type":"validation"}"#, .refused(.invalidRequest)),
        (429, "", .retry(.noWorkerAvailable)), (503, "", .retry(.noWorkerAvailable)), (500, "{}", .retry(.upstreamError)),
        (401, "", .retry(.upstreamError)), (404, "", .retry(.upstreamError)), (504, "", .retry(.upstreamTimeout)),
        (500, #"{"error":{"message":"CUDA out of memory. Tried to allocate 2 GiB","type":"InternalServerError","code":500}}"#, .outOfMemory),
        (503, #"{"object":"error","message":"x","type":"torch.OutOfMemoryError","code":500}"#, .outOfMemory),
        (400, #"{"error":{"message":"an essay on out of memory","type":"invalid_request_error","code":400}}"#, .refused(.invalidRequest)),
        (500, #"{"error":{"code":500,"message":"Failed to parse tools: Missing tool type: 1","type":"server_error"}}"#, .refused(.invalidRequest)),
        (500, #"{"error":{"code":500,"message":"Failed to parse messages: x","type":"server_error"}}"#, .refused(.invalidRequest)),
        (500, #"{"error":{"code":500,"message":"image input is not supported - hint: x","type":"server_error"}}"#, .refused(.unsupportedParameter)),
        (500, #"{"error":{"code":500,"message":"video input is not supported - hint: x","type":"server_error"}}"#, .refused(.unsupportedParameter)),
        (500, #"{"error":{"code":500,"message":"Unknown reasoning format: x","type":"server_error"}}"#, .refused(.invalidRequest)),
        (500, #"{"error":{"code":500,"message":"Failed to parse tool call arguments as JSON: x","type":"server_error"}}"#, .refused(.invalidRequest)),
        (500, #"{"error":{"code":500,"message":"Cannot use both json_schema and grammar","type":"server_error"}}"#, .refused(.invalidRequest)),
        (
            500,
            #"{"error":{"code":500,"message":"The model produced output that does not match the expected peg-native format","type":"server_error"}}"#,
            .unreadable
        ),
        (500, #"{"error":{"code":500,"message":"Failed to parse input at pos 12: <tool_call>","type":"server_error"}}"#, .unreadable),
        (
            500,
            #"{"error":{"code":500,"message":"input (2101 tokens) is too large to process. increase the physical batch size","type":"server_error"}}"#,
            .refused(.contextLengthExceeded)
        ),
        (
            400,
            #"{"object":"error","message":"Input length (9 tokens) exceeds the maximum allowed length (4 tokens).","type":"BadRequestError","code":400}"#,
            .refused(.contextLengthExceeded)
        ),
    ])
    func statusesOfRuntimesAreJudged(_ status: Int, _ body: String, _ verdict: UpstreamVerdict) {
        #expect(Array(body.utf8).withUnsafeBytes { UpstreamError.judge(status: status, body: $0) } == verdict)
    }

    @Test(arguments: [
        (#"{"error":{"code":400,"message":"bad","type":"invalid_request_error"}}"#, UpstreamVerdict.refused(.invalidRequest)),
        (#"{"error":{"code":"500","message":"CUDA error at /host/path"}}"#, .retry(.upstreamError)),
        (#"{"error":{"code":500,"message":"CUDA error: out of memory"}}"#, .outOfMemory),
        (#"{"error":"overloaded","error_type":"overloaded"}"#, .retry(.noWorkerAvailable)), (#"{"error":{}}"#, .retry(.upstreamError)),
        (
            #"{"error":{"message":"Input validation error: `inputs` must have less than 9 tokens. Given: 10","http_status_code":422}}"#,
            .refused(.contextLengthExceeded)
        ),
        (#"{"error":{"message":"Template error: x","http_status_code":422}}"#, .refused(.invalidRequest)),
        (#"{"error":{"message":"Model is overloaded","http_status_code":422}}"#, .retry(.noWorkerAvailable)),
        (#"{"error":{"message":"Request failed during generation: Server error: x","http_status_code":422}}"#, .retry(.upstreamError)),
        (#"{"error":"Incomplete generation","http_status_code":422}"#, .retry(.upstreamError)),
        (
            #"{"error":{"code":500,"message":"The model produced output that does not match the expected Content-only format","type":"server_error"}}"#,
            .unreadable
        ),
    ])
    func errorsInsideAnAnswerAreJudged(_ body: String, _ verdict: UpstreamVerdict) {
        #expect(Array(body.utf8).withUnsafeBytes { UpstreamError.judge(status: nil, body: $0) } == verdict)
    }

    @Test(arguments: [
        ("Failed to parse input at pos 0: ", UpstreamVerdict.unreadable), ("Failed to parse messages: ", .refused(.invalidRequest)),
        ("CUDA error: ", .retry(.upstreamError)),
    ])
    func longErrorsAreJudgedByTheirBeginning(_ words: String, _ verdict: UpstreamVerdict) {
        let body = #"{"error":{"code":500,"message":""# + words + String(repeating: "x", count: 100_000)
        #expect(Array(body.utf8).withUnsafeBytes { UpstreamError.judge(status: 500, beginning: $0) } == verdict)
    }

    @Test(arguments: [
        (404, #"{"detail":"Not Found"}"#, UpstreamVerdict.refused(.unsupportedEndpoint)),
        (404, #"{"error":{"message":"x","type":"NotFoundError","param":"model","code":404}}"#, .retry(.upstreamError)),
        (501, #"{"error":{"code":501,"message":"x","type":"not_supported_error"}}"#, .refused(.unsupportedEndpoint)),
        (500, "{}", .retry(.upstreamError)),
    ])
    func aRuntimeWithoutTheEndpointIsToldFromOneWithoutTheModel(_ status: Int, _ body: String, _ verdict: UpstreamVerdict) {
        for endpoint in [GenerationEndpoint.embeddings, .countTokens] {
            #expect(Array(body.utf8).withUnsafeBytes { UpstreamError.judge(status: status, body: $0, endpoint: endpoint) } == verdict)
        }
    }

    @Test(arguments: [
        ("messages[0].content", "messages"), ("temperature", "temperature"), ("metadata.secret", "metadata"), ("secret.x", nil), ("secret", nil),
        ("", nil),
    ])
    func aBrokenBodyIsToldWithoutTheCustomersWords(_ path: String, _ param: String?) {
        for code in [JSONFault.Code.duplicateKey, .syntax] {
            let error = APIError(JSONFault(code: code, offset: 7, path: path))
            #expect(error.param == param)
            #expect(!error.message.contains("secret") && !error.message.contains("content") && error.message.contains("byte 7"))
        }
    }

    @Test func aModelListIsWhatAnthropicsClientsExpect() throws {
        let model = ModelDescription(id: "a", created: 1_735_689_600, contextLength: 10)
        let list = try JSONValue.parse(ModelDescription.anthropicList([model, ModelDescription(id: "b", created: 0, contextLength: 1)]))
        #expect(list["has_more"] == false && list["first_id"] == "a" && list["last_id"] == "b")
        #expect(list["data"]?.array?.first == ["type": "model", "id": "a", "display_name": "a", "created_at": "2025-01-01T00:00:00Z"])
        #expect(try JSONValue.parse(ModelDescription.anthropicList([]))["last_id"] == .null)
    }

    @Test func aModelListIsWhatClientsExpect() throws {
        let body = ModelDescription.list([ModelDescription(id: "a\"b", created: 5, contextLength: 10)])
        let value = try JSONValue.parse(body)
        #expect(value["object"]?.string == "list")
        #expect(value["data"]?.array?.first?["id"]?.string == "a\"b")
    }
}
