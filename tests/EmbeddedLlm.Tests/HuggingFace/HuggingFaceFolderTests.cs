using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using EmbeddedLlm.Backends;
using EmbeddedLlm.Cpu;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Models;
using EmbeddedLlm.Quantization;
using EmbeddedLlm.Tests.Models;
using EmbeddedLlm.Tests.Safetensors;

namespace EmbeddedLlm.Tests.HuggingFace;

public sealed class HuggingFaceFolderTests : IDisposable
{
    private static readonly int[] Tokens = [.. Enumerable.Range(0, 40).Select(i => i * 37 % 500 + 3)];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("llama")]
    [InlineData("llama_bias")]
    [InlineData("llama_tied")]
    [InlineData("llama_hd32")]
    [InlineData("llama_yarn")]
    [InlineData("llama_ropelinear")]
    [InlineData("qwen2")]
    [InlineData("qwen2_tied")]
    [InlineData("qwen3")]
    [InlineData("qwen3_tied")]
    [InlineData("gemma")]
    [InlineData("gemma2")]
    [InlineData("gemma3")]
    [InlineData("gemma3_yarnless_lin")]
    [InlineData("phi3")]
    [InlineData("phi3_gqa_partial")]
    [InlineData("phi3_longrope")]
    [InlineData("gpt2")]
    [InlineData("gptneox")]
    [InlineData("gptneox_seq")]
    public void Logits_OfAFolder_AreThoseOfTheGgufFile(string name)
    {
        var (folder, path) = FolderModel.Write(name, _folder.Path);
        Assert.Equal(Logits(path), Logits(folder));
    }

    [Theory]
    [InlineData("llama", GgmlType.BF16)]
    [InlineData("llama_bias", GgmlType.F16)]
    [InlineData("gemma3", GgmlType.BF16)]
    [InlineData("gpt2", GgmlType.F16)]
    [InlineData("gptneox", GgmlType.BF16)]
    public void Logits_OfHalfNumbers_AreThoseOfTheGgufFile(string name, GgmlType type)
    {
        var (folder, path) = FolderModel.Write(name, _folder.Path, type);
        Assert.Equal(Logits(path), Logits(folder));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("Q8_0")]
    public void Logits_OfAConvertedFolder_AreThoseOfTheGgufFile(string? target)
    {
        var (folder, path) = FolderModel.Write("gptneox", _folder.Path, GgmlType.BF16, shards: 3);
        var (converted, expected) = (_folder.File("converted.gguf"), _folder.File("expected.gguf"));
        Convert(folder, converted);
        Convert(path, expected);
        Assert.Equal(Logits(expected), Logits(converted));

        void Convert(string from, string to)
        {
            using var file = ModelFile.Open(from);
            if (target is null)
                GgufWriter.From(file).Save(to);
            else
                GgufQuantizer.Quantize(file, target, to);
        }
    }

    [Fact]
    public void Load_OfAFolder_Answers()
    {
        var (folder, path) = FolderModel.Write("llama", _folder.Path, shards: 2);
        File.WriteAllText(Path.Combine(folder, "chat_template.jinja"), "{{ messages[0].content }}");
        using var fromFolder = LlmModel.Load(folder + Path.DirectorySeparatorChar);
        using var fromFile = LlmModel.Load(path);
        Assert.Equal("model", fromFolder.ModelId);
        Assert.Equal(fromFile.Tokenizer.Encode("Hello there"), fromFolder.Tokenizer.Encode("Hello there"));
        using var file = ModelFile.Open(folder);
        Assert.Equal("{{ messages[0].content }}", file.Metadata.GetString("tokenizer.chat_template"));
    }

    [Fact]
    public void Open_Llama3Scaling_MakesItsFactors()
    {
        var (folder, path) = FolderModel.Write("llama31_ropefreqs", _folder.Path);
        FolderModel.Set(folder, "rope_scaling", JsonNode.Parse("""{"rope_type":"llama3","factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":64}"""));
        using var expected = GgufFile.Open(path);
        using var found = ModelFile.Open(folder);
        Assert.True(expected.TryGetTensor("rope_freqs.weight", out var a) & found.TryGetTensor("rope_freqs.weight", out var b));
        Assert.All(Floats(a!).Zip(Floats(b!)), pair => Assert.Equal(pair.First, pair.Second, 1e-5f));
        Assert.InRange(GoldenModels.MaxDifference(Logits(path), Logits(folder)), 0, 1e-4);
    }

    [Fact]
    public void Open_MistralWithAWindow_HasAContextInWhichItMakesNoDifference()
    {
        var (folder, _) = FolderModel.Write("llama", _folder.Path);
        FolderModel.Set(folder, "architectures", new JsonArray("MistralForCausalLM"));
        FolderModel.Set(folder, "sliding_window", 100);
        using var file = ModelFile.Open(folder);
        Assert.Equal(100, ModelLoader.Load(file).Spec.ContextLength);
    }

    [Theory]
    [InlineData("language_model.model.", "language_model.")]
    [InlineData("model.language_model.", "")]
    public void Open_AGemmaThatSees_TakesThePartThatWrites(string prefix, string outputPrefix)
    {
        var (folder, path) = FolderModel.Write("gemma3", _folder.Path);
        var expected = Logits(path);
        var text = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "config.json")));
        File.WriteAllText(Path.Combine(folder, "config.json"), new JsonObject { ["architectures"] = new JsonArray("Gemma3ForConditionalGeneration"), ["text_config"] = text }.ToJsonString());
        var weights = Path.Combine(folder, "model.safetensors");
        var tensors = Read(weights).Select(tensor => tensor with
        {
            Name = tensor.Name.StartsWith("model.", StringComparison.Ordinal) ? prefix + tensor.Name["model.".Length..] : outputPrefix + tensor.Name,
        });
        SafetensorsWriter.Write(weights, [.. tensors, ("vision_tower.patch.weight", "F32", [1, 1, 1, 1], new byte[4])]);
        Assert.Equal(expected, Logits(folder));
    }

    [Fact]
    public void Open_ATensorAtAnOddPlace_IsRead()
    {
        var (folder, path) = FolderModel.Write("qwen3", _folder.Path);
        var weights = Path.Combine(folder, "model.safetensors");
        var tensors = Read(weights);
        SafetensorsWriter.Write(weights, [("model.layers.0.self_attn.rotary_emb.inv_freq", "U8", [3], [1, 2, 3]), .. tensors]);
        Assert.Equal(Logits(path), Logits(folder));
    }

    [Theory]
    [InlineData("architectures", """["AlphaForCausalLM"]""", "'AlphaForCausalLM'")]
    [InlineData("quantization_config", """{"quant_method":"gptq"}""", "gptq")]
    [InlineData("hidden_act", "\"relu\"", "'hidden_act' is relu")]
    [InlineData("rope_scaling", """{"rope_type":"proportional","factor":2}""", "'proportional'")]
    public void Open_WhatIsNotSupported_IsNamed(string key, string value, string message)
    {
        var (folder, _) = FolderModel.Write("llama", _folder.Path);
        FolderModel.Set(folder, key, JsonNode.Parse(value));
        var error = Assert.Throws<UnsupportedModelException>(() => ModelFile.Open(folder));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("architectures", "1")]
    [InlineData("architectures", "[]")]
    [InlineData("hidden_size", "null")]
    [InlineData("hidden_size", "-64")]
    [InlineData("hidden_size", "\"64\"")]
    [InlineData("hidden_size", "128")]
    [InlineData("num_attention_heads", "0")]
    [InlineData("num_attention_heads", "3")]
    [InlineData("num_attention_heads", "2147483648")]
    [InlineData("num_key_value_heads", "0")]
    [InlineData("num_hidden_layers", "4")]
    [InlineData("num_hidden_layers", "2000000000")]
    [InlineData("head_dim", "0")]
    [InlineData("head_dim", "7")]
    [InlineData("rms_norm_eps", "1e999")]
    [InlineData("rope_theta", "0")]
    [InlineData("max_position_embeddings", "0")]
    [InlineData("rope_scaling", """{"rope_type":"linear","factor":0}""")]
    [InlineData("rope_scaling", """{"rope_type":"longrope","short_factor":[],"long_factor":[1]}""")]
    [InlineData("eos_token_id", "512")]
    [InlineData("eos_token_id", "[\"a\"]")]
    public void Load_AConfigurationThatCannotBe_IsRefused(string key, string value)
    {
        var (folder, _) = FolderModel.Write("llama", _folder.Path);
        FolderModel.Set(folder, key, JsonNode.Parse(value));
        Assert.Throws<ModelFormatException>(() =>
        {
            using var file = ModelFile.Open(folder);
            ModelLoader.Load(file);
        });
    }

    [Theory]
    [InlineData("../model.safetensors")]
    [InlineData("..\\model.safetensors")]
    [InlineData("/etc/model.safetensors")]
    [InlineData("C:model.safetensors")]
    [InlineData("model.gguf")]
    public void Open_AnIndexThatLeavesTheFolder_IsRefused(string shard)
    {
        var (folder, _) = FolderModel.Write("llama", _folder.Path, shards: 2);
        FolderModel.Set(folder, "weight_map", new JsonObject { ["model.norm.weight"] = shard }, "model.safetensors.index.json");
        var error = Assert.Throws<ModelFormatException>(() => ModelFile.Open(folder));
        Assert.Contains(shard, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_AnIndexOfOtherTensors_IsRefused()
    {
        var (folder, _) = FolderModel.Write("llama", _folder.Path, shards: 2);
        FolderModel.Set(folder, "weight_map", new JsonObject { ["lm_head.x"] = "model-00001-of-00002.safetensors" }, "model.safetensors.index.json");
        var error = Assert.Throws<ModelFormatException>(() => ModelFile.Open(folder));
        Assert.Contains("'lm_head.x'", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("config.json")]
    [InlineData("model.safetensors")]
    [InlineData("model-00002-of-00002.safetensors")]
    public void Open_AFolderWithoutAFile_NamesIt(string name)
    {
        var (folder, _) = FolderModel.Write("llama", _folder.Path, shards: name.Contains("of", StringComparison.Ordinal) ? 2 : 1);
        File.Delete(Path.Combine(folder, name));
        var error = Assert.ThrowsAny<IOException>(() => ModelFile.Open(folder));
        Assert.Contains(name, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_AFolderWithoutATokenizer_SaysWhatWouldHelp()
    {
        var (folder, _) = FolderModel.Write("llama", _folder.Path);
        File.Delete(Path.Combine(folder, "tokenizer.model"));
        var error = Assert.Throws<UnsupportedModelException>(() => ModelFile.Open(folder));
        Assert.Contains("tokenizer.json", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("model.layers.0.self_attn.x_proj.weight", "F32", "has no place in LlamaForCausalLM")]
    [InlineData("model.layers.0.self_attn.o_proj.weight", "I8", "has the format I8")]
    public void Open_ATensorThatDoesNotBelong_IsNamed(string name, string type, string message)
    {
        var (folder, _) = FolderModel.Write("llama", _folder.Path);
        SafetensorsWriter.Write(Path.Combine(folder, "model.safetensors"), (name, type, [1], new byte[type == "I8" ? 1 : 4]));
        var error = Assert.Throws<UnsupportedModelException>(() => ModelFile.Open(folder));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.Contains(name, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_AModelWithoutItsOutput_IsRefused()
    {
        var (folder, _) = FolderModel.Write("llama_tied", _folder.Path);
        FolderModel.Set(folder, "tie_word_embeddings", false);
        var error = Assert.Throws<ModelFormatException>(() => ModelFile.Open(folder));
        Assert.Contains("tie_word_embeddings", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_GenerationConfig_BecomesRecommendedSamplingAndEnds()
    {
        var (folder, _) = FolderModel.Write("qwen3", _folder.Path);
        File.WriteAllText(Path.Combine(folder, "generation_config.json"), """{"do_sample":true,"temperature":0.6,"top_k":20,"eos_token_id":[505,504]}""");
        using var file = ModelFile.Open(folder);
        var sampling = ModelLoader.Load(file).Spec.Sampling;
        Assert.Equal((0.6f, 20), (sampling.Temperature, sampling.TopK));
        Assert.Contains(504, EmbeddedLlm.Tokenization.Tokenizer.FromGguf(file.Metadata).EndOfGeneration);
    }

    private static float[] Floats(GgufTensor tensor) => MemoryMarshal.Cast<byte, float>(tensor.Slice(0, (int)tensor.Bytes)).ToArray();

    private static (string Name, string Type, long[] Shape, byte[] Bytes)[] Read(string path)
    {
        using var file = EmbeddedLlm.Safetensors.SafetensorsFile.Open(path);
        return [.. file.Tensors.Select(tensor => (tensor.Name, tensor.Type, tensor.Shape.ToArray(), file.Mapping.Slice(tensor.Start, (int)tensor.Bytes).ToArray()))];
    }

    private static float[] Logits(string path)
    {
        using var file = ModelFile.Open(path);
        var graph = ModelLoader.Load(file).Graph;
        using var runner = new CpuBackend().Load(graph, new RunnerOptions { KvBlocks = 1, KvBlockTokens = 64, KvType = KvType.F32, MaxBatchRows = Tokens.Length, MaxOutputRows = Tokens.Length, Threads = 1 });
        var logits = new float[Tokens.Length * graph.Logits.Width];
        runner.Run(new Batch { Tokens = Tokens, Slices = [new BatchSlice(Tokens.Length, 0, 0, 1)], KvBlocks = [0], OutputRows = [.. Enumerable.Range(0, Tokens.Length)] }, logits);
        return logits;
    }
}
