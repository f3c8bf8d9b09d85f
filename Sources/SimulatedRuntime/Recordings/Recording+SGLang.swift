/// SGLang: members that are null in every delta, `reasoning_tokens` beside the counts and not below them, `matched_stop`, a flat body for errors,
/// and `abort` as the reason for an end that is none.
extension Recording {
    static let sglang = [
        Recording(
            "sglang-tools",
            events: #"""
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"role":"assistant","content":"","reasoning_content":null,"tool_calls":null},"logprobs":null,"finish_reason":null,"matched_stop":null}],"usage":null}
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"role":null,"content":null,"reasoning_content":null,"tool_calls":[{"id":"call_1a2b3c4d","index":0,"type":"function","function":{"name":"get_weather","arguments":""}}]},"logprobs":null,"finish_reason":null,"matched_stop":null}],"usage":null}
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"role":null,"content":null,"reasoning_content":null,"tool_calls":[{"id":null,"index":0,"type":"function","function":{"name":null,"arguments":"{\"city\": \"Lisbon\""}}]},"logprobs":null,"finish_reason":null,"matched_stop":null}],"usage":null}
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"role":null,"content":null,"reasoning_content":null,"tool_calls":[{"id":null,"index":0,"type":"function","function":{"name":null,"arguments":"}"}}]},"logprobs":null,"finish_reason":null,"matched_stop":null}],"usage":null}
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"role":null,"content":null,"reasoning_content":null,"tool_calls":[{"id":"call_5e6f7a8b","index":1,"type":"function","function":{"name":"get_weather","arguments":""}}]},"logprobs":null,"finish_reason":null,"matched_stop":null}],"usage":null}
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"role":null,"content":null,"reasoning_content":null,"tool_calls":[{"id":null,"index":1,"type":"function","function":{"name":null,"arguments":"{\"city\": \"Oslo\", \"unit\": \"celsius\"}"}}]},"logprobs":null,"finish_reason":null,"matched_stop":null}],"usage":null}
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"role":null,"content":null,"reasoning_content":null,"tool_calls":null},"logprobs":null,"finish_reason":"tool_calls","matched_stop":null}],"usage":null}
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[],"usage":{"prompt_tokens":230,"total_tokens":268,"completion_tokens":38,"prompt_tokens_details":{"cached_tokens":224},"reasoning_tokens":0}}
                """#,
            whole: #"""
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion","created":1790000000,"model":"recorded","choices":[{"index":0,"message":{"role":"assistant","content":null,"reasoning_content":null,"tool_calls":[{"id":"call_1a2b3c4d","index":0,"type":"function","function":{"name":"get_weather","arguments":"{\"city\": \"Lisbon\"}"}},{"id":"call_5e6f7a8b","index":1,"type":"function","function":{"name":"get_weather","arguments":"{\"city\": \"Oslo\", \"unit\": \"celsius\"}"}}]},"logprobs":null,"finish_reason":"tool_calls","matched_stop":null}],"usage":{"prompt_tokens":230,"total_tokens":268,"completion_tokens":38,"prompt_tokens_details":{"cached_tokens":224},"reasoning_tokens":0},"metadata":{"weight_version":"default"}}
                """#),
        Recording(
            "sglang-reasoning",
            events: #"""
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"role":"assistant","content":"","reasoning_content":null,"tool_calls":null},"logprobs":null,"finish_reason":null,"matched_stop":null}],"usage":null}
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"role":null,"content":null,"reasoning_content":"Two and","tool_calls":null},"logprobs":null,"finish_reason":null,"matched_stop":null}],"usage":null}
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"role":null,"content":null,"reasoning_content":" two.","tool_calls":null},"logprobs":null,"finish_reason":null,"matched_stop":null}],"usage":null}
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"role":null,"content":"4","reasoning_content":null,"tool_calls":null},"logprobs":null,"finish_reason":null,"matched_stop":null}],"usage":null}
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"role":null,"content":".","reasoning_content":null,"tool_calls":null},"logprobs":null,"finish_reason":null,"matched_stop":null}],"usage":null}
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"role":null,"content":null,"reasoning_content":null,"tool_calls":null},"logprobs":null,"finish_reason":"stop","matched_stop":151645}],"usage":null}
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[],"usage":{"prompt_tokens":18,"total_tokens":27,"completion_tokens":9,"prompt_tokens_details":null,"reasoning_tokens":5}}
                """#,
            whole: #"""
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion","created":1790000000,"model":"recorded","choices":[{"index":0,"message":{"role":"assistant","content":"4.","reasoning_content":"Two and two.","tool_calls":null},"logprobs":null,"finish_reason":"stop","matched_stop":151645}],"usage":{"prompt_tokens":18,"total_tokens":27,"completion_tokens":9,"prompt_tokens_details":null,"reasoning_tokens":5},"metadata":{"weight_version":"default"}}
                """#),
        Recording(
            "sglang-stop-sequence",
            events: #"""
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"role":"assistant","content":"","reasoning_content":null,"tool_calls":null},"logprobs":null,"finish_reason":null,"matched_stop":null}],"usage":null}
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"role":null,"content":"one","reasoning_content":null,"tool_calls":null},"logprobs":null,"finish_reason":null,"matched_stop":null}],"usage":null}
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"role":null,"content":null,"reasoning_content":null,"tool_calls":null},"logprobs":null,"finish_reason":"stop","matched_stop":"END"}],"usage":null}
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[],"usage":{"prompt_tokens":12,"total_tokens":14,"completion_tokens":2,"prompt_tokens_details":null,"reasoning_tokens":0}}
                """#,
            whole: #"""
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion","created":1790000000,"model":"recorded","choices":[{"index":0,"message":{"role":"assistant","content":"one","reasoning_content":null,"tool_calls":null},"logprobs":null,"finish_reason":"stop","matched_stop":"END"}],"usage":{"prompt_tokens":12,"total_tokens":14,"completion_tokens":2,"prompt_tokens_details":null,"reasoning_tokens":0},"metadata":{"weight_version":"default"}}
                """#),
        Recording(
            "sglang-abort",
            events: #"""
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"role":"assistant","content":"","reasoning_content":null,"tool_calls":null},"logprobs":null,"finish_reason":null,"matched_stop":null}],"usage":null}
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"role":null,"content":"one","reasoning_content":null,"tool_calls":null},"logprobs":null,"finish_reason":null,"matched_stop":null}],"usage":null}
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"role":null,"content":null,"reasoning_content":null,"tool_calls":null},"logprobs":null,"finish_reason":"abort","matched_stop":null}],"usage":null}
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[],"usage":{"prompt_tokens":12,"total_tokens":14,"completion_tokens":2,"prompt_tokens_details":null,"reasoning_tokens":0}}
                """#,
            whole: #"""
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion","created":1790000000,"model":"recorded","choices":[{"index":0,"message":{"role":"assistant","content":"one","reasoning_content":null,"tool_calls":null},"logprobs":null,"finish_reason":"abort","matched_stop":null}],"usage":{"prompt_tokens":12,"total_tokens":14,"completion_tokens":2,"prompt_tokens_details":null,"reasoning_tokens":0},"metadata":{"weight_version":"default"}}
                """#),
        Recording(
            "sglang-error",
            events: #"""
                {"error":{"object":"error","message":"The input (5000 tokens) is longer than the model's context length (4096 tokens).","type":"BadRequestError","param":null,"code":400}}
                """#,
            whole: #"""
                {"object":"error","message":"The input (5000 tokens) is longer than the model's context length (4096 tokens).","type":"BadRequestError","param":null,"code":400}
                """#, status: 400),
    ]
}
