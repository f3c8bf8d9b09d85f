/// TGI 3.3.7 (`router/src/lib.rs`): no id of the answer, the same id of a call in every piece, arguments of whole answers without spaces, no usage
/// unless asked, errors whose value is a text, and in a stream one with a status that is the same for all of them.
extension Recording {
    static let tgi = [
        Recording(
            "tgi-tools",
            events: #"""
                {"object":"chat.completion.chunk","id":"","created":1790000000,"model":"recorded","system_fingerprint":"3.3.7-sha-0a1b2c3","choices":[{"index":0,"delta":{"role":"assistant","tool_calls":[{"index":0,"id":"0","type":"function","function":{"name":"get_weather","arguments":"{"}}]},"logprobs":null,"finish_reason":null}],"usage":null}
                {"object":"chat.completion.chunk","id":"","created":1790000000,"model":"recorded","system_fingerprint":"3.3.7-sha-0a1b2c3","choices":[{"index":0,"delta":{"role":"assistant","tool_calls":[{"index":0,"id":"0","type":"function","function":{"name":null,"arguments":"\"city\": \"Lisbon\""}}]},"logprobs":null,"finish_reason":null}],"usage":null}
                {"object":"chat.completion.chunk","id":"","created":1790000000,"model":"recorded","system_fingerprint":"3.3.7-sha-0a1b2c3","choices":[{"index":0,"delta":{"role":"assistant","tool_calls":[{"index":0,"id":"0","type":"function","function":{"name":null,"arguments":"}"}}]},"logprobs":null,"finish_reason":null}],"usage":null}
                {"object":"chat.completion.chunk","id":"","created":1790000000,"model":"recorded","system_fingerprint":"3.3.7-sha-0a1b2c3","choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":"stop"}],"usage":null}
                {"object":"chat.completion.chunk","id":"","created":1790000000,"model":"recorded","system_fingerprint":"3.3.7-sha-0a1b2c3","choices":[],"usage":{"prompt_tokens":120,"completion_tokens":20,"total_tokens":140}}
                """#,
            whole: #"""
                {"object":"chat.completion","id":"","created":1790000000,"model":"recorded","system_fingerprint":"3.3.7-sha-0a1b2c3","choices":[{"index":0,"message":{"role":"assistant","tool_calls":[{"id":"0","type":"function","function":{"description":null,"name":"get_weather","arguments":"{\"city\":\"Lisbon\"}"}}]},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":120,"completion_tokens":20,"total_tokens":140}}
                """#),
        Recording(
            "tgi-no-usage",
            events: #"""
                {"object":"chat.completion.chunk","id":"","created":1790000000,"model":"recorded","system_fingerprint":"3.3.7-sha-0a1b2c3","choices":[{"index":0,"delta":{"role":"assistant","content":"one"},"logprobs":null,"finish_reason":null}],"usage":null}
                {"object":"chat.completion.chunk","id":"","created":1790000000,"model":"recorded","system_fingerprint":"3.3.7-sha-0a1b2c3","choices":[{"index":0,"delta":{"role":"assistant","content":" two"},"logprobs":null,"finish_reason":null}],"usage":null}
                {"object":"chat.completion.chunk","id":"","created":1790000000,"model":"recorded","system_fingerprint":"3.3.7-sha-0a1b2c3","choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":"stop"}],"usage":null}
                """#,
            whole: #"""
                {"object":"chat.completion","id":"","created":1790000000,"model":"recorded","system_fingerprint":"3.3.7-sha-0a1b2c3","choices":[{"index":0,"message":{"role":"assistant","content":"one two"},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":12,"completion_tokens":3,"total_tokens":15}}
                """#),
        Recording(
            "tgi-error",
            events: #"""
                {"object":"chat.completion.chunk","id":"","created":1790000000,"model":"recorded","system_fingerprint":"3.3.7-sha-0a1b2c3","choices":[{"index":0,"delta":{"role":"assistant","content":"one"},"logprobs":null,"finish_reason":null}],"usage":null}
                {"error":{"message":"Request failed during generation: Server error: CANCELLED","http_status_code":422}}
                """#,
            whole: #"""
                {"error":"Model is overloaded","error_type":"overloaded"}
                """#, status: 429),
        Recording(
            "tgi-too-long",
            events: #"""
                {"error":{"message":"Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens and 20 `max_new_tokens`","http_status_code":422}}
                """#,
            whole: #"""
                {"error":"Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens and 20 `max_new_tokens`","error_type":"validation"}
                """#, status: 422, isDone: false),
    ]
}
