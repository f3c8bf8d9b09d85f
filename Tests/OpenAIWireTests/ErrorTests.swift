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
        (400, "<html>", .refused(.invalidRequest)), (422, #"{"error":"x","error_type":"validation"}"#, .refused(.invalidRequest)),
        (429, "", .retry(.noWorkerAvailable)), (503, "", .retry(.noWorkerAvailable)), (500, "{}", .retry(.upstreamError)),
        (401, "", .retry(.upstreamError)), (404, "", .retry(.upstreamError)), (504, "", .retry(.upstreamTimeout)),
    ])
    func statusesOfRuntimesAreJudged(_ status: Int, _ body: String, _ verdict: UpstreamVerdict) {
        #expect(Array(body.utf8).withUnsafeBytes { UpstreamError.judge(status: status, body: $0) } == verdict)
    }

    @Test(arguments: [
        (#"{"error":{"code":400,"message":"bad","type":"invalid_request_error"}}"#, UpstreamVerdict.refused(.invalidRequest)),
        (#"{"error":{"code":"500","message":"CUDA error at /host/path"}}"#, .retry(.upstreamError)),
        (#"{"error":"overloaded","error_type":"overloaded"}"#, .retry(.noWorkerAvailable)), (#"{"error":{}}"#, .retry(.upstreamError)),
    ])
    func errorsInsideAnAnswerAreJudged(_ body: String, _ verdict: UpstreamVerdict) {
        #expect(Array(body.utf8).withUnsafeBytes { UpstreamError.judge(status: nil, body: $0) } == verdict)
    }

    @Test func aModelListIsWhatClientsExpect() throws {
        let body = ModelDescription.list([ModelDescription(id: "a\"b", created: 5, contextLength: 10)])
        let value = try JSONValue.parse(body)
        #expect(value["object"]?.string == "list")
        #expect(value["data"]?.array?.first?["id"]?.string == "a\"b")
    }
}
