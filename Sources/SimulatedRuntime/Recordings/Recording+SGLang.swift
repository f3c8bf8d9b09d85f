/// SGLang 0.5.23 (`srt/entrypoints/openai/sse_utils.py`, `protocol.py` and `serving_chat.py`): events with text leave members out and put
/// `reasoning_content` in front, those with calls of tools and with usage have all of them; `reasoning_tokens` beside the counts as well as below
/// them, `matched_stop`, the version of the weights in whole answers, a flat body for errors (in a stream with spaces, as Python writes it), and
/// `abort` as the reason for an end that is none.
extension Recording {
    static let sglang = [
        Recording(
            "sglang-tools",
            events: #"""
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"reasoning_content":null,"role":"assistant","content":""},"logprobs":null,"finish_reason":null,"matched_stop":null}]}
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"role":null,"content":null,"reasoning_content":null,"tool_calls":[{"id":"call_1a2b3c4d","index":0,"type":"function","function":{"name":"get_weather","arguments":""}}]},"logprobs":null,"finish_reason":null,"matched_stop":null}],"usage":null}
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"role":null,"content":null,"reasoning_content":null,"tool_calls":[{"id":null,"index":0,"type":"function","function":{"name":null,"arguments":"{\"city\": \"Lisbon\""}}]},"logprobs":null,"finish_reason":null,"matched_stop":null}],"usage":null}
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"role":null,"content":null,"reasoning_content":null,"tool_calls":[{"id":null,"index":0,"type":"function","function":{"name":null,"arguments":"}"}}]},"logprobs":null,"finish_reason":null,"matched_stop":null}],"usage":null}
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"role":null,"content":null,"reasoning_content":null,"tool_calls":[{"id":"call_5e6f7a8b","index":1,"type":"function","function":{"name":"get_weather","arguments":""}}]},"logprobs":null,"finish_reason":null,"matched_stop":null}],"usage":null}
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"role":null,"content":null,"reasoning_content":null,"tool_calls":[{"id":null,"index":1,"type":"function","function":{"name":null,"arguments":"{\"city\": \"Oslo\", \"unit\": \"celsius\"}"}}]},"logprobs":null,"finish_reason":null,"matched_stop":null}],"usage":null}
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"reasoning_content":null},"logprobs":null,"finish_reason":"tool_calls","matched_stop":null}]}
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[],"usage":{"prompt_tokens":230,"total_tokens":268,"completion_tokens":38,"prompt_tokens_details":{"cached_tokens":224},"reasoning_tokens":0,"completion_tokens_details":null}}
                """#,
            whole: #"""
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion","created":1790000000,"model":"recorded","choices":[{"index":0,"message":{"role":"assistant","content":"","reasoning_content":null,"tool_calls":[{"id":"call_1a2b3c4d","index":0,"type":"function","function":{"name":"get_weather","arguments":"{\"city\": \"Lisbon\"}"}},{"id":"call_5e6f7a8b","index":1,"type":"function","function":{"name":"get_weather","arguments":"{\"city\": \"Oslo\", \"unit\": \"celsius\"}"}}]},"logprobs":null,"finish_reason":"tool_calls","matched_stop":null}],"usage":{"prompt_tokens":230,"total_tokens":268,"completion_tokens":38,"prompt_tokens_details":{"cached_tokens":224},"reasoning_tokens":0,"completion_tokens_details":null},"metadata":{"weight_version":"default"}}
                """#),
        Recording(
            "sglang-reasoning",
            events: #"""
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"reasoning_content":null,"role":"assistant","content":""},"logprobs":null,"finish_reason":null,"matched_stop":null}]}
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"reasoning_content":"Two and"},"logprobs":null,"finish_reason":null,"matched_stop":null}]}
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"reasoning_content":" two."},"logprobs":null,"finish_reason":null,"matched_stop":null}]}
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"reasoning_content":null,"content":"4"},"logprobs":null,"finish_reason":null,"matched_stop":null}]}
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"reasoning_content":null,"content":"."},"logprobs":null,"finish_reason":null,"matched_stop":null}]}
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"reasoning_content":null},"logprobs":null,"finish_reason":"stop","matched_stop":151645}]}
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[],"usage":{"prompt_tokens":18,"total_tokens":27,"completion_tokens":9,"prompt_tokens_details":null,"reasoning_tokens":5,"completion_tokens_details":{"reasoning_tokens":5}}}
                """#,
            whole: #"""
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion","created":1790000000,"model":"recorded","choices":[{"index":0,"message":{"role":"assistant","content":"4.","reasoning_content":"Two and two.","tool_calls":null},"logprobs":null,"finish_reason":"stop","matched_stop":151645}],"usage":{"prompt_tokens":18,"total_tokens":27,"completion_tokens":9,"prompt_tokens_details":null,"reasoning_tokens":5,"completion_tokens_details":{"reasoning_tokens":5}},"metadata":{"weight_version":"default"}}
                """#),
        Recording(
            "sglang-stop-sequence",
            events: #"""
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"reasoning_content":null,"role":"assistant","content":""},"logprobs":null,"finish_reason":null,"matched_stop":null}]}
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"reasoning_content":null,"content":"one"},"logprobs":null,"finish_reason":null,"matched_stop":null}]}
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"reasoning_content":null},"logprobs":null,"finish_reason":"stop","matched_stop":"END"}]}
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[],"usage":{"prompt_tokens":12,"total_tokens":14,"completion_tokens":2,"prompt_tokens_details":null,"reasoning_tokens":0,"completion_tokens_details":null}}
                """#,
            whole: #"""
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion","created":1790000000,"model":"recorded","choices":[{"index":0,"message":{"role":"assistant","content":"one","reasoning_content":null,"tool_calls":null},"logprobs":null,"finish_reason":"stop","matched_stop":"END"}],"usage":{"prompt_tokens":12,"total_tokens":14,"completion_tokens":2,"prompt_tokens_details":null,"reasoning_tokens":0,"completion_tokens_details":null},"metadata":{"weight_version":"default"}}
                """#),
        Recording(
            "sglang-abort",
            events: #"""
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"reasoning_content":null,"role":"assistant","content":""},"logprobs":null,"finish_reason":null,"matched_stop":null}]}
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"reasoning_content":null,"content":"one"},"logprobs":null,"finish_reason":null,"matched_stop":null}]}
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[{"index":0,"delta":{"reasoning_content":null},"logprobs":null,"finish_reason":"abort","matched_stop":null}]}
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion.chunk","created":1790000000,"model":"recorded","choices":[],"usage":{"prompt_tokens":12,"total_tokens":14,"completion_tokens":2,"prompt_tokens_details":null,"reasoning_tokens":0,"completion_tokens_details":null}}
                """#,
            whole: #"""
                {"id":"9f3b7c2d1e0a4b5c8d7e6f5a4b3c2d1e","object":"chat.completion","created":1790000000,"model":"recorded","choices":[{"index":0,"message":{"role":"assistant","content":"one","reasoning_content":null,"tool_calls":null},"logprobs":null,"finish_reason":"abort","matched_stop":null}],"usage":{"prompt_tokens":12,"total_tokens":14,"completion_tokens":2,"prompt_tokens_details":null,"reasoning_tokens":0,"completion_tokens_details":null},"metadata":{"weight_version":"default"}}
                """#),
        Recording(
            "sglang-error",
            events: #"""
                {"error": {"object": "error", "message": "The input (5000 tokens) is longer than the model's context length (4096 tokens).", "type": "BadRequestError", "param": null, "code": 400}}
                """#,
            whole: #"""
                {"object":"error","message":"The input (5000 tokens) is longer than the model's context length (4096 tokens).","type":"BadRequestError","param":null,"code":400}
                """#, status: 400),
    ]
}
