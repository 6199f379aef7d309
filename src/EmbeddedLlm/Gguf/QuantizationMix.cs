using System.Globalization;
using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Gguf;

/// <summary>
/// Chooses the format of each tensor as llama.cpp does (https://github.com/ggml-org/llama.cpp, src/llama-quant.cpp):
/// tensors that matter more for their size get more bits, in the first and last eighth of the layers and in every third between.
/// </summary>
internal sealed class QuantizationMix
{
    /// <summary>Parts of names of two-dimensional weights that are small and sensitive and so keep their format.</summary>
    private static readonly string[] Kept =
    [
        "_norm.weight", "ffn_gate_inp.weight", "altup", "laurel", "per_layer_model_proj", "ssm_conv1d", "shortconv.conv.weight", "attn_rel_b.weight",
        "time_mix_first.weight", "time_mix_w0.weight", "time_mix_w1.weight", "time_mix_w2.weight", "time_mix_v0.weight", "time_mix_v1.weight", "time_mix_v2.weight",
        "time_mix_a0.weight", "time_mix_a1.weight", "time_mix_a2.weight", "time_mix_g1.weight", "time_mix_g2.weight", "time_mix_decay_w1.weight", "time_mix_decay_w2.weight", "time_mix_lerp_fused.weight",
    ];

    private readonly QuantizationTarget _target;
    private readonly bool _hasImportance;
    private readonly bool _isFalcon;
    private readonly bool _is70B;
    private readonly bool _isTied;
    private readonly int _experts;
    private readonly int _layers;
    private readonly int _headsPerKvHead;
    private readonly int _valueTensors;

    private QuantizationMix(GgufFile model, QuantizationTarget target, bool hasImportance)
    {
        _target = target;
        _hasImportance = hasImportance;
        var metadata = model.Metadata;
        var architecture = metadata.GetString("general.architecture");
        _isFalcon = architecture == "falcon";
        _isTied = !model.TryGetTensor("output.weight", out _);
        _experts = metadata.GetInt($"{architecture}.expert_count", 0);
        _layers = metadata.GetInt($"{architecture}.block_count", 0);
        var heads = First(metadata, $"{architecture}.attention.head_count", 0);
        var kvHeads = First(metadata, $"{architecture}.attention.head_count_kv", heads);
        _headsPerKvHead = kvHeads == 0 ? 0 : heads / kvHeads;
        _is70B = architecture is "llama" or "qwen2" && _layers == 80 && heads != kvHeads;
        _valueTensors = model.Tensors.Count(t => IsValue(t.Name));
    }

    /// <summary>The format of each tensor of <paramref name="model"/> by name, the wanted one and the one that fits its rows; formats that stay are those of the model.</summary>
    public static Dictionary<string, (GgmlType Wanted, GgmlType Fitting)> Choose(GgufFile model, QuantizationTarget target, bool hasImportance)
    {
        var mix = new QuantizationMix(model, target, hasImportance);
        var types = new Dictionary<string, (GgmlType, GgmlType)>(StringComparer.Ordinal);
        var (values, downs) = (0, 0);
        foreach (var tensor in model.Tensors.OrderBy(t => Layer(t.Name)).ThenBy(t => t.Name, StringComparer.Ordinal))
        {
            var wanted = !IsQuantized(tensor) ? tensor.Type
                : target.Type is GgmlType.F32 or GgmlType.F16 or GgmlType.BF16 ? target.Type
                : mix.ByRole(tensor, ref values, ref downs);
            types[tensor.Name] = (wanted, IsQuantized(tensor) ? Fitting(wanted, tensor.Dimensions[0]) : wanted);
        }

        return types;
    }

    /// <summary>Whether a tensor is a matrix that targets change; vectors, norms, routers and the like stay.</summary>
    private static bool IsQuantized(GgufTensor tensor) =>
        tensor.Dimensions.Skip(1).Any(size => size != 1)
        && tensor.Name.EndsWith("weight", StringComparison.Ordinal)
        && tensor.Name is not ("position_embd.weight" or "token_types.weight")
        && !Kept.Any(part => tensor.Name.Contains(part, StringComparison.Ordinal));

    /// <summary>A format whose block divides the row: those with 256 numbers give way to the next larger with 32, and these to F16.</summary>
    private static GgmlType Fitting(GgmlType type, long rowLength)
    {
        if (type is GgmlType.F32 or GgmlType.F16 or GgmlType.BF16)
            return type;
        if (rowLength % 256 != 0)
        {
            type = type switch
            {
                GgmlType.IQ1_S or GgmlType.IQ1_M or GgmlType.IQ2_XXS or GgmlType.IQ2_XS or GgmlType.IQ2_S or GgmlType.IQ3_XXS or GgmlType.IQ3_S or GgmlType.IQ4_XS => GgmlType.IQ4_NL,
                GgmlType.Q2_K or GgmlType.Q3_K or GgmlType.TQ1_0 or GgmlType.TQ2_0 => GgmlType.Q4_0,
                GgmlType.Q4_K => GgmlType.Q5_0,
                GgmlType.Q5_K => GgmlType.Q5_1,
                GgmlType.Q6_K => GgmlType.Q8_0,
                _ => type,
            };
        }

        return rowLength % 32 != 0 ? GgmlType.F16 : type;
    }

    private static bool IsValue(string name) =>
        name.Contains("attn_v.weight", StringComparison.Ordinal) || name.Contains("attn_qkv.weight", StringComparison.Ordinal) || name.Contains("attn_kv_b.weight", StringComparison.Ordinal);

    /// <summary>The number in <c>blk.7.attn_q.weight</c>; −1 outside the layers.</summary>
    private static int Layer(string name) =>
        name.Split('.') is ["blk", var number, ..] && int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var layer) ? layer : -1;

    /// <summary>A number that some models give for each layer; then that of the first.</summary>
    private static int First(GgufMetadata metadata, string key, int fallback)
    {
        if (!metadata.TryGet(key, out var value) || !value.IsArray)
            return metadata.GetInt(key, fallback);
        return metadata.GetInts(key) is [var first, ..] ? first : fallback;
    }

    private static bool UsesMoreBits(int index, int count) => index < count / 8 || index >= 7 * count / 8 || (index - count / 8) % 3 == 2;

    private GgmlType ByRole(GgufTensor tensor, ref int values, ref int downs)
    {
        var name = tensor.Name;
        var isEmbedding = name is "token_embd.weight" or "per_layer_token_embd.weight";
        if (name == "output.weight" || isEmbedding && _isTied)
            return Output(tensor.Dimensions[0]);
        if (_target.Type == GgmlType.MXFP4)
            return tensor.Dimensions.Length > 2 && tensor.Dimensions[2] > 1 ? GgmlType.MXFP4 : GgmlType.Q8_0;     // experts, all else
        if (isEmbedding)
            return Embedding();
        if (IsValue(name))
            return Value(values++);
        if (name.Contains("attn_k.weight", StringComparison.Ordinal))
            return Key();
        if (name.Contains("attn_q.weight", StringComparison.Ordinal))
            return Query();
        if (name.Contains("attn_output.weight", StringComparison.Ordinal))
            return AttentionOutput();
        if (name.Contains("ffn_down", StringComparison.Ordinal))
            return Down(_experts > 1 ? Layer(name) : downs++);
        return name.Contains("ffn_gate", StringComparison.Ordinal) || name.Contains("ffn_up", StringComparison.Ordinal) ? GateOrUp(Layer(name)) : _target.Type;
    }

    /// <summary>Targets of fewer than three bits for a number, whose tensors have rules of their own.</summary>
    private bool IsTiny => QuantizationTarget.RequiresImportance(_target.Type);

    /// <summary>What <see cref="IsTiny"/> targets give tensors that need more bits.</summary>
    private GgmlType Finer => _target.Name is "IQ2_S" or "IQ2_M" ? GgmlType.IQ3_S : GgmlType.Q2_K;

    private GgmlType Embedding() => _target.Type switch
    {
        GgmlType.TQ1_0 or GgmlType.TQ2_0 => GgmlType.Q4_K,
        GgmlType.IQ3_XXS => GgmlType.IQ3_S,
        _ => IsTiny ? Finer : _target.Type,
    };

    private GgmlType Key() => (_target.Name, _experts) switch
    {
        (_, 8) => IsTiny ? GgmlType.Q4_K : GgmlType.Q8_0,
        _ => Query(),
    };

    private GgmlType Query() => _target.Name switch
    {
        "IQ3_XS" => GgmlType.IQ3_XXS,
        "IQ3_XXS" => GgmlType.IQ2_S,
        _ => _target.Type,
    };

    private GgmlType GateOrUp(int layer) => _target.Name == "IQ3_XS" && layer >= _layers / 8 && layer < 7 * _layers / 8 ? GgmlType.IQ3_XXS : _target.Type;

    private GgmlType Output(long rowLength)
    {
        GgmlLayout.TryGet(_target.Type, out var blockLength, out _);
        if (_isFalcon || rowLength % blockLength != 0 || _target.Type is GgmlType.Q8_0 or GgmlType.MXFP4)
            return GgmlType.Q8_0;
        return IsTiny || _target.Type == GgmlType.IQ3_XXS ? GgmlType.Q5_K : GgmlType.Q6_K;
    }

    private GgmlType Value(int index)
    {
        if (IsTiny)
            return _headsPerKvHead >= 4 || _experts >= 4 ? GgmlType.Q4_K : Finer;

        var type = _target.Name switch
        {
            "Q2_K" => _headsPerKvHead >= 4 ? GgmlType.Q4_K : GgmlType.Q3_K,
            "Q2_K_S" or "IQ3_XXS" or "IQ3_XS" or "IQ3_S" when _headsPerKvHead >= 4 => GgmlType.Q4_K,
            "IQ3_M" => GgmlType.Q4_K,
            "IQ4_NL" or "IQ4_XS" when _headsPerKvHead >= 4 => GgmlType.Q5_K,
            "Q3_K_M" => index < 2 ? GgmlType.Q5_K : GgmlType.Q4_K,
            "Q3_K_L" => GgmlType.Q5_K,
            "Q4_K_S" when index < 4 => GgmlType.Q5_K,
            "Q4_K_M" or "Q5_K_M" when UsesMoreBits(index, _valueTensors) => GgmlType.Q6_K,
            _ => _target.Type,
        };

        // Eight heads share these weights in a 70B model, which makes them few and important; with eight experts attention is a small part of all.
        if (_is70B && type is GgmlType.Q3_K or GgmlType.Q4_K)
            type = GgmlType.Q5_K;
        return _experts == 8 ? GgmlType.Q8_0 : type;
    }

    private GgmlType AttentionOutput() => (_target.Name, _isFalcon, _experts) switch
    {
        (_, _, 8) when IsTiny => GgmlType.Q5_K,
        ("IQ1_S" or "IQ1_M", _, _) => GgmlType.IQ2_XXS,
        ("IQ2_S" or "IQ2_M", _, _) => GgmlType.IQ3_S,
        ("Q3_K_L", true, _) => GgmlType.Q4_K,
        (_, true, _) => _target.Type,
        ("Q2_K" or "Q3_K_S" or "Q3_K_M" or "Q4_K_S" or "Q4_K_M" or "IQ3_XXS" or "IQ3_XS" or "IQ3_S" or "IQ3_M" or "IQ4_NL" or "IQ4_XS", _, 8) => GgmlType.Q5_K,
        (_, _, 8) => _target.Type,
        ("Q2_K", _, _) => GgmlType.Q3_K,
        ("IQ3_XXS", _, _) => GgmlType.IQ3_S,
        ("Q3_K_M" or "IQ3_M", _, _) => GgmlType.Q4_K,
        ("Q3_K_L", _, _) => GgmlType.Q5_K,
        _ => _target.Type,
    };

    private GgmlType Down(int index)
    {
        var isEarly = index < _layers / 8;
        var isFirst = index < _layers / 16;
        var usesMore = UsesMoreBits(index, _layers);
        return _target.Name switch
        {
            "Q2_K" => GgmlType.Q3_K,
            "Q2_K_S" when isEarly => GgmlType.Q4_K,
            "IQ3_M" when isEarly || (_experts == 8 && usesMore) => GgmlType.Q4_K,
            "IQ4_NL" or "IQ4_XS" when isEarly && !_hasImportance => GgmlType.Q5_K,
            "Q4_0" when isEarly && _hasImportance => GgmlType.Q4_1,       // a matrix from a text misses what the first layers do with others
            "Q5_0" when isEarly && _hasImportance => GgmlType.Q5_1,
            _ when IsTiny && isEarly => Finer,
            "Q3_K_M" when isFirst => GgmlType.Q5_K,
            "Q3_K_M" => !_isFalcon || usesMore ? GgmlType.Q4_K : GgmlType.Q3_K,
            "Q3_K_L" => _isFalcon ? GgmlType.Q4_K : GgmlType.Q5_K,
            "Q4_K_S" when isEarly && !_isFalcon => GgmlType.Q5_K,
            "Q4_K_M" when _isFalcon => isFirst ? GgmlType.Q6_K : usesMore ? GgmlType.Q5_K : GgmlType.Q4_K,
            "Q4_K_M" or "Q5_K_M" when usesMore => GgmlType.Q6_K,
            _ => _target.Type,
        };
    }
}
