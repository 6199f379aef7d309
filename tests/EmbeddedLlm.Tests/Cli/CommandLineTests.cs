using System.Text.Json.Nodes;
using EmbeddedLlm.Cli;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Quantization;
using EmbeddedLlm.Tests.HuggingFace;
using EmbeddedLlm.Tests.Models;

namespace EmbeddedLlm.Tests.Cli;

public sealed class CommandLineTests : IDisposable
{
    private readonly Interrupts _interrupts = new();
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("embedded-llm-tests-");

    private static string Tiny => Golden.TinyModel;

    public void Dispose()
    {
        _interrupts.Dispose();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task Run_WithASeed_PrintsTheSameTextTwice()
    {
        var first = await RunAsync("run", "--model", Tiny, "--prompt", "Hello", "--max-tokens", "12", "--seed", "5");
        var second = await RunAsync("run", "--model", Tiny, "--prompt", "Hello", "--max-tokens", "12", "--seed", "5");

        Assert.Equal(0, first.ExitCode);
        Assert.NotEmpty(first.Out.Trim());
        Assert.Equal(first.Out, second.Out);
    }

    [Fact]
    public async Task Run_WithMessages_EqualsThePromptAlone()
    {
        var file = File("messages.json", """[{"role": "user", "content": "Hello"}]""");
        var messages = await RunAsync("run", "--model", Tiny, "--messages", file, "--max-tokens", "12", "--temperature", "0");
        var prompt = await RunAsync("run", "--model", Tiny, "--prompt", "Hello", "--max-tokens", "12", "--temperature", "0");

        Assert.Equal(0, messages.ExitCode);
        Assert.Equal(prompt.Out, messages.Out);
    }

    [Theory]
    [InlineData("--raw")]
    [InlineData("--system", "Be brief.")]
    public async Task Run_Form_HoldsTheAnswerToIt(params string[] more)
    {
        var schema = File("schema.json", """{"type":"object","properties":{"n":{"type":"integer","minimum":0,"maximum":9}},"required":["n"],"additionalProperties":false}""");
        var gbnf = File("grammar.gbnf", "root ::= \"ab\" | \"cd\"");
        string[] run = ["run", "--model", Tiny, "--prompt", "Hello", .. more];

        Assert.Matches("""^\{"n":[0-9]\}\s*$""", (await RunAsync([.. run, "--schema", schema])).Out);
        Assert.Matches(@"^(ab|cd)\s*$", (await RunAsync([.. run, "--gbnf", gbnf])).Out);
        Assert.Matches(@"^[0-9]{4}\s*$", (await RunAsync([.. run, "--regex", "[0-9]{4}"])).Out);
        Assert.Contains("--schema, --gbnf and --regex", (await RunAsync([.. run, "--gbnf", gbnf, "--regex", "a"])).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_Raw_ReadsThePromptFromStdin()
    {
        var given = await RunAsync("run", "--model", Tiny, "--prompt", "Once upon", "--raw", "--max-tokens", "12", "--temperature", "0");
        var piped = await RunAsync(new StringReader("Once upon"), "run", "--model", Tiny, "--prompt", "-", "--raw", "--max-tokens", "12", "--temperature", "0");

        Assert.Equal(0, piped.ExitCode);
        Assert.Equal(given.Out, piped.Out);
    }

    [Fact]
    public async Task Chat_KeepsTheHistory_UntilAnEmptyLine()
    {
        var result = await RunAsync(new StringReader("Hello\nAgain\n\n"), "chat", "--model", Tiny, "--max-tokens", "4", "--seed", "1");

        Assert.Equal(0, result.ExitCode);
        Assert.Equal(3, result.Out.Split("> ").Length - 1);
    }

    [Fact]
    public async Task Chat_DropsAMessageThatDoesNotFit_AndGoesOn()
    {
        var input = $"{new string('x', 500)}\nHello\n\n";
        var result = await RunAsync(new StringReader(input), "chat", "--model", Tiny, "--context", "64", "--max-tokens", "4", "--seed", "1");
        var alone = await RunAsync(new StringReader("Hello\n\n"), "chat", "--model", Tiny, "--context", "64", "--max-tokens", "4", "--seed", "1");

        Assert.Equal(0, result.ExitCode);
        Assert.Contains("The last message is dropped.", Assert.Single(result.Error.TrimEnd().Split('\n')), StringComparison.Ordinal);
        Assert.Equal($"> {Environment.NewLine}{alone.Out}", result.Out);
    }

    [Fact]
    public async Task Tokenize_AndBack_IsTheSameText()
    {
        const string Text = "Hello, wörld 🌍";
        var tokens = await RunAsync("tokenize", "--model", Tiny, "--text", Text, "--json");
        var ids = JsonNode.Parse(tokens.Out)!["ids"]!.AsArray();
        var back = await RunAsync("tokenize", "--model", Tiny, "--ids", string.Join(',', ids.Select(id => id!.ToString())));

        Assert.Equal(ids.Count, JsonNode.Parse(tokens.Out)!["tokens"]!.AsArray().Count);
        Assert.Equal(Text, back.Out.TrimEnd('\n'));
    }

    [Fact]
    public async Task Tokenize_NoSpecial_DoesNotParseSpecialTokens()
    {
        var parsed = await RunAsync("tokenize", "--model", Tiny, "--text", "<|im_start|>", "--json");
        var plain = await RunAsync("tokenize", "--model", Tiny, "--text", "<|im_start|>", "--json", "--no-special");

        Assert.Single(JsonNode.Parse(parsed.Out)!["ids"]!.AsArray());
        Assert.True(JsonNode.Parse(plain.Out)!["ids"]!.AsArray().Count > 1);
    }

    [Fact]
    public async Task Tokenize_NoSpecial_AddsNoBos()
    {
        var model = Golden.Path("trained", "stories260K", "stories260K-f32.gguf");
        var with = await RunAsync("tokenize", "--model", model, "--text", "Once", "--json");
        var without = await RunAsync("tokenize", "--model", model, "--text", "Once", "--json", "--no-special");

        Assert.Equal([1, .. Ids(without.Out)], Ids(with.Out));
    }

    [Fact]
    public async Task Tokenize_File_IsReadToTheLetter()
    {
        var file = File("text.txt", "\uFEFFHello\r\n");
        var read = await RunAsync("tokenize", "--model", Tiny, "--file", file, "--json");
        var given = await RunAsync("tokenize", "--model", Tiny, "--text", "\uFEFFHello\r\n", "--json");
        var plain = await RunAsync("tokenize", "--model", Tiny, "--text", "Hello\r\n", "--json");

        Assert.Equal(given.Out, read.Out);
        Assert.NotEqual(plain.Out, read.Out);
    }

    [Theory]
    [InlineData(new byte[] { 65, 0xC3, 0xA9, 0xFF, 66 }, "0xFF at offset 3")]
    [InlineData(new byte[] { 65, 66, 0xE2, 0x82 }, "0xE2 at offset 2")]
    public async Task Tokenize_FileThatIsNoUtf8_IsRefusedWithTheOffset(byte[] bytes, string expected)
    {
        var file = File("text.txt", "");
        await System.IO.File.WriteAllBytesAsync(file, bytes);
        var result = await RunAsync("tokenize", "--model", Tiny, "--file", file);

        Assert.Equal((1, ""), (result.ExitCode, result.Out));
        Assert.Contains(expected, result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Render_JsonContext_GivesExactlyTheseVariables()
    {
        var template = File("t.jinja", "{{ greeting }} {{ messages is defined }} {{ strftime_now('%Y-%m-%d') }}");
        var result = await RunAsync("render", "--template", template, "--json-context", File("c.json", """{"greeting": "hi"}"""), "--now", "2026-01-15T12:34:56");

        Assert.Equal((0, "hi False 2026-01-15"), (result.ExitCode, result.Out));
    }

    [Fact]
    public async Task Render_Model_UsesItsTemplate()
    {
        var result = await RunAsync("render", "--model", Tiny, "--messages", File("m.json", """[{"role": "user", "content": "Hi"}]"""));

        Assert.Equal("<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n", result.Out);
    }

    [Fact]
    public async Task Render_GivesToolsAndTokensToTheTemplate()
    {
        var template = File("t.jinja", "{{ bos_token }}{{ tools[0].function.name }}{{ messages[0].content }}{{ eos_token }}");
        var tools = File("tools.json", """[{"type": "function", "function": {"name": "weather"}}]""");
        var result = await RunAsync("render", "--template", template, "--messages", File("m.json", """[{"role": "user", "content": "Hi"}]"""), "--tools", tools, "--bos", "<s>", "--eos", "</s>");

        Assert.Equal((0, "<s>weatherHi</s>"), (result.ExitCode, result.Out));
    }

    [Fact]
    public async Task Render_WithoutBos_LeavesItUndefined()
    {
        var template = File("t.jinja", "{{ bos_token is defined }} {{ tools is none }}");
        var result = await RunAsync("render", "--template", template, "--messages", File("m.json", "[]"));

        Assert.Equal((0, "False True"), (result.ExitCode, result.Out));
    }

    [Theory]
    [InlineData("--tools")]
    [InlineData("--bos")]
    [InlineData("--eos")]
    public async Task Render_JsonContext_RefusesWhatItWouldIgnore(string option)
    {
        var result = await RunAsync("render", "--template", File("t.jinja", ""), "--json-context", File("c.json", "{}"), option, "x");

        Assert.Equal(2, result.ExitCode);
        Assert.Contains(option, result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--batch", "7")]
    [InlineData("--threads", "1")]
    [InlineData("--reference", null)]
    public async Task Logits_EqualTheGoldenOnes(string option, string? value)
    {
        var output = Path.Combine(_folder.FullName, "logits.f32");
        string[] args = ["logits", "--model", Golden.Repo("models", "llama", "model.gguf"), "--tokens", "@" + Golden.Repo("models", "llama", "tokens.json"), "--out", output, option];
        var result = await RunAsync(value is null ? args : [.. args, value]);

        Assert.Equal((0, ""), (result.ExitCode, result.Out));
        var expected = Golden.Floats(Golden.Repo("models", "llama", "exact.f32"));
        var actual = Golden.Floats(output);
        Assert.Equal(expected.Length, actual.Length);
        Assert.True(expected.Zip(actual, (e, a) => Math.Abs(e - a)).Max() <= 1e-4);
    }

    [Fact]
    public async Task Imatrix_WritesWhatQuantizeReads()
    {
        var text = Path.Combine(_folder.FullName, "text.txt");
        var matrix = Path.Combine(_folder.FullName, "imatrix.gguf");
        var output = Path.Combine(_folder.FullName, "q4.gguf");
        await System.IO.File.WriteAllTextAsync(text, string.Concat(Enumerable.Repeat("The old man went to the sea. ", 40)), TestContext.Current.CancellationToken);

        var collected = await RunAsync("imatrix", "--model", Tiny, "--text-file", text, "--to", matrix, "--context", "32", "--chunks", "2");
        var quantized = await RunAsync("quantize", "--model", Tiny, "--type", "Q4_0", "--out", output, "--imatrix", matrix);

        Assert.Equal((0, 0), (collected.ExitCode, quantized.ExitCode));
        Assert.Contains("2 pieces of 32 tokens", collected.Error, StringComparison.Ordinal);
        using var file = GgufFile.Open(output);
        Assert.Equal("imatrix.gguf", file.Metadata.GetString("quantize.imatrix.file"));
        Assert.Equal("text.txt", file.Metadata.GetString("quantize.imatrix.dataset"));
    }

    [Fact]
    public async Task Quantize_WritesAModelThatRuns()
    {
        var output = Path.Combine(_folder.FullName, "q8.gguf");
        var quantized = await RunAsync("quantize", "--model", Tiny, "--type", "Q8_0", "--out", output);
        var run = await RunAsync("run", "--model", output, "--prompt", "Hello", "--max-tokens", "4");

        Assert.Equal((0, 0), (quantized.ExitCode, run.ExitCode));
        using var file = GgufFile.Open(output);
        Assert.Contains(file.Tensors, tensor => tensor.Type == GgmlType.Q8_0);
        Assert.Single(_folder.GetFiles());
    }

    [Theory]
    [InlineData("F32", GgmlType.F32)]
    [InlineData("q8_0", GgmlType.Q8_0)]
    [InlineData(null, GgmlType.BF16)]
    public async Task Convert_AFolder_WritesAModelThatRuns(string? type, GgmlType expected)
    {
        var (folder, _) = FolderModel.Write("llama", _folder.FullName, GgmlType.BF16, shards: 2);
        var output = Path.Combine(_folder.FullName, "converted.gguf");
        var converted = await RunAsync(["convert", "--from", folder, "--to", output, .. type is null ? (string[])[] : ["--type", type]]);
        var run = await RunAsync("run", "--model", output, "--prompt", "Hello", "--raw", "--max-tokens", "4");

        Assert.Equal((0, 0), (converted.ExitCode, run.ExitCode));
        Assert.StartsWith(output, converted.Error, StringComparison.Ordinal);
        using var file = GgufFile.Open(output);
        Assert.True(file.TryGetTensor("blk.0.attn_q.weight", out var tensor));
        Assert.Equal(expected, tensor.Type);
        Assert.DoesNotContain(_folder.GetFiles(), left => left.Name.EndsWith(".tmp", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Inspect_ShowsMetadataTensorsAndGraph()
    {
        var result = await RunAsync("inspect", "--model", Tiny, "--tensors", "--graph");

        Assert.Equal(0, result.ExitCode);
        Assert.Contains("general.architecture = ", result.Out, StringComparison.Ordinal);
        Assert.Contains("token_embd.weight", result.Out, StringComparison.Ordinal);
        Assert.Contains("attention", result.Out, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task Bench_Json_HoldsEveryField()
    {
        var result = await RunAsync("bench", "--model", Tiny, "-p", "8", "-n", "4", "-d", "0,16", "-t", "1", "-r", "2", "--parallel", "1,2", "--json");

        Assert.Equal(0, result.ExitCode);
        var report = JsonNode.Parse(result.Out)!.AsObject();
        Assert.Equal(["bandwidthGBs", "cpu", "decode", "firstTokenSeconds", "loadSeconds", "model", "peakGmacs", "peakMemoryMB", "prefill", "speculation", "threads", "tier", "type"], Keys(report));
        Assert.Equal(["0", "16"], report["prefill"]!.AsArray().Select(row => row!["depth"]!.ToString()));
        Assert.Equal(["0 1", "0 2", "16 1", "16 2"], report["decode"]!.AsArray().Select(row => $"{row!["depth"]} {row["parallel"]}"));
        Assert.All(report["prefill"]!.AsArray(), row => Assert.Equal(["depth", "fractionOfPeak", "max", "min", "tokens", "tokensPerSecond"], Keys(row)));
        Assert.All(report["decode"]!.AsArray(), row => Assert.Equal(["depth", "fractionOfBandwidth", "max", "min", "parallel", "tokensPerSecond"], Keys(row)));
        Assert.All([.. report["prefill"]!.AsArray(), .. report["decode"]!.AsArray()], row => Assert.True(row!["tokensPerSecond"]!.GetValue<double>() > 0));
    }

    [Fact]
    public async Task Bench_Speculation_EditsAreGuessedAndNewTextIsNot()
    {
        var text = Path.Combine(_folder.FullName, "text.txt");
        await System.IO.File.WriteAllLinesAsync(text, Enumerable.Range(0, 40).Select(i => $"{i * 7919 % 1000} {i * 104729 % 977}"), TestContext.Current.CancellationToken);
        string[] args = ["bench", "--model", Tiny, "-p", "8", "-n", "100", "-t", "1", "-r", "1", "--parallel", "1", "--speculation", text];
        var result = await RunAsync([.. args, "--kv-type", "Q8_0", "--keep-weights-in-file", "--json"]);

        Assert.Equal(0, result.ExitCode);
        var rows = JsonNode.Parse(result.Out)!["speculation"]!.AsArray();
        Assert.Equal(["edit the prompt", "write"], rows.Select(row => row!["answer"]!.ToString()));
        Assert.All(rows, row => Assert.Equal(["accepted", "answer", "drafted", "plainTokensPerSecond", "ratio", "tokens", "tokensPerSecond"], Keys(row)));
        Assert.InRange(rows[0]!["accepted"]!.GetValue<int>(), 60, 99);
        Assert.InRange(rows[1]!["accepted"]!.GetValue<int>(), 0, 40);
        Assert.Contains("edit the prompt", (await RunAsync(args)).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Logits_EmbeddingsOfAnUnknownKind_AreRefused()
    {
        var unknown = await RunAsync(["logits", "--model", Tiny, "--tokens", "1", "--out", Path.Combine(_folder.FullName, "x"), "--embeddings", "median"]);

        Assert.Equal(2, unknown.ExitCode);
        Assert.Single(unknown.Error.TrimEnd().Split('\n'));
        Assert.Empty(_folder.GetFiles());
    }

    [Theory]
    [InlineData("bert", "none", "exact_emb_none", "48 rows of 64 numbers")]
    [InlineData("bert", "mean", "emb_mean", "1 row of 64 numbers")]
    [InlineData("bert", "cls", "emb_cls", "1 row of 64 numbers")]
    [InlineData("qwen3_reranker_like", "last", "emb_last", "1 row of 64 numbers")]
    public async Task Logits_Embeddings_EqualTheGoldenOnes(string name, string pooling, string expected, string says)
    {
        var output = Path.Combine(_folder.FullName, "rows.f32");
        string[] args = ["logits", "--model", Golden.Path("models", name, "model.gguf"), "--tokens", "@" + Golden.Path("models", name, "tokens.json"), "--out", output, "--embeddings", pooling, "--batch", "7"];

        var result = await RunAsync(args);

        Assert.Equal((0, says), (result.ExitCode, result.Error.Trim()));
        Assert.InRange(GoldenModels.MaxDifference(Golden.Floats(Golden.Path("models", name, expected + ".f32")), Golden.Floats(output)), 0, 5e-3);
    }

    [Theory]
    [InlineData("--max-tokens", "0")]
    [InlineData("--max-tokens", "-1")]
    [InlineData("--max-tokens", "x")]
    [InlineData("--temperature", "-1")]
    [InlineData("--temperature", "NaN")]
    [InlineData("--temperature", "Infinity")]
    [InlineData("--temperature", "1e99")]
    [InlineData("--temperature", "0,8")]
    [InlineData("--top-p", "2")]
    [InlineData("--top-p", "-0.1")]
    [InlineData("--top-p", "NaN")]
    [InlineData("--top-k", "-1")]
    [InlineData("--context", "1")]
    [InlineData("--context", "2147483647")]
    [InlineData("--threads", "-1")]
    [InlineData("--threads", "513")]
    [InlineData("--threads", "x")]
    [InlineData("--seed", "1.5")]
    [InlineData("--speculation", "sometimes")]
    public async Task BadValues_AreBadUsage_BeforeTheModelIsLoaded(string option, string value)
    {
        foreach (var command in (string[][])[["run", "--prompt", "x"], ["chat"]])
        {
            var result = await RunAsync([.. command, "--model", "there-is-no-such-file.gguf", option, value]);

            Assert.Equal((2, ""), (result.ExitCode, result.Out));
            Assert.Contains(option, Assert.Single(result.Error.TrimEnd().Split('\n')), StringComparison.Ordinal);
            Assert.Contains($"'{value}'", result.Error, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("-p", "1,0")]
    [InlineData("-d", "-1")]
    [InlineData("--parallel", "many")]
    [InlineData("--kv-type", "7")]
    public async Task Bench_BadValues_AreBadUsageThatNamesTheOption(string option, string value)
    {
        var result = await RunAsync("bench", "--model", "there-is-no-such-file.gguf", option, value);

        Assert.Equal((2, ""), (result.ExitCode, result.Out));
        Assert.StartsWith($"embedded-llm: {option} must be ", Assert.Single(result.Error.TrimEnd().Split('\n')), StringComparison.Ordinal);
        Assert.Contains($"'{value}'", result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("one line")]
    [InlineData("the last line\n")]
    [InlineData("nothing behind it\n\u0001")]
    public async Task Bench_SpeculationOfTooLittleText_IsBadUsage(string text)
    {
        var result = await RunAsync("bench", "--model", Tiny, "--speculation", File("text.txt", text));

        Assert.Equal((2, ""), (result.ExitCode, result.Out));
        Assert.Contains("--speculation needs a text", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Bench_BackendThatDeclinesTheModel_IsAnError()
    {
        var result = await RunAsync("bench", "--model", Tiny, "--backend", "assembler");

        Assert.Equal((1, ""), (result.ExitCode, result.Out));
        Assert.Contains("The backend 'assembler' cannot run this model. ", result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2, "run")]
    [InlineData(2, "nonsense")]
    [InlineData(2, "run", "--model", "x.gguf")]
    [InlineData(2, "run", "--model", "x.gguf", "--prompt", "x", "--raw", "--system", "y")]
    [InlineData(2, "bench", "--model", "x.gguf", "-p", "0")]
    [InlineData(2, "bench", "--model", "x.gguf", "-d", "2000000000")]
    [InlineData(2, "bench", "--model", "x.gguf", "--parallel", "1,0")]
    [InlineData(2, "tokenize", "--model", "x.gguf")]
    [InlineData(2, "logits", "--model", "x.gguf", "--tokens", "1,x", "--out", "y")]
    [InlineData(2, "quantize", "--model", "x.gguf", "--type", "Q99", "--out", "y")]
    [InlineData(2, "quantize", "--model", "x.gguf", "--type", "IQ2_XXS", "--out", "y")]
    [InlineData(2, "imatrix", "--model", "x.gguf", "--text-file", "x.txt", "--to", "y", "--context", "1")]
    [InlineData(2, "convert", "--from", "x", "--to", "y", "--type", "Q99")]
    [InlineData(1, "convert", "--from", "there-is-no-such-folder", "--to", "y")]
    [InlineData(1, "inspect", "--model", "there-is-no-such-file.gguf")]
    public async Task Errors_AreOneLineAndACode(int exitCode, params string[] args)
    {
        var result = await RunAsync(args);

        Assert.Equal(exitCode, result.ExitCode);
        Assert.StartsWith("embedded-llm: ", result.Error, StringComparison.Ordinal);
        Assert.Single(result.Error.TrimEnd().Split('\n'));
    }

    [Fact]
    public async Task Errors_NameTheFile_OfABrokenModel()
    {
        var result = await RunAsync("run", "--model", File("broken.gguf", "no model"), "--prompt", "x");

        Assert.Equal(1, result.ExitCode);
        Assert.Contains("broken.gguf", result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Errors_WithVerbose_HaveTheStackTrace()
    {
        var result = await RunAsync("inspect", "--model", "there-is-no-such-file.gguf", "--verbose");

        Assert.Equal(1, result.ExitCode);
        Assert.Contains("   at ", result.Error, StringComparison.Ordinal);
    }

    private static IEnumerable<string> Keys(JsonNode? node) => node!.AsObject().Select(pair => pair.Key).Order(StringComparer.Ordinal);

    private static IEnumerable<int> Ids(string json) => JsonNode.Parse(json)!["ids"]!.AsArray().Select(id => id!.GetValue<int>());

    private string File(string name, string text)
    {
        var path = Path.Combine(_folder.FullName, name);
        System.IO.File.WriteAllText(path, text);
        return path;
    }

    private Task<(int ExitCode, string Out, string Error)> RunAsync(params string[] args) => RunAsync(TextReader.Null, args);

    private async Task<(int ExitCode, string Out, string Error)> RunAsync(TextReader input, params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var exitCode = await CommandLine.RunAsync(args, new Terminal(input, output, error, _interrupts));
        return (exitCode, output.ToString(), error.ToString());
    }
}
