namespace EmbeddedLlm.HuggingFace;

/// <summary>Rope as config.json describes it: base, width, and how it is stretched (<c>rope_scaling</c>, in newer files <c>rope_parameters</c>).</summary>
internal static class FolderRope
{
    public static void Describe(FolderConfig config, FolderKeys keys, int headWidth, double defaultBase = 10000)
    {
        var all = config.Json["rope_parameters"] is { IsObject: true } parameters ? parameters["full_attention"] ?? parameters : (JsonPart?)null;
        var scaling = all ?? config.Json["rope_scaling"];
        var rotated = (int)(headWidth * (all?["partial_rotary_factor"]?.Number ?? config.Number("partial_rotary_factor", 1)));
        var frequencyBase = all?["rope_theta"]?.Number ?? config.Number("rope_theta", defaultBase);
        keys.Set("rope.dimension_count", rotated);
        keys.Set("rope.freq_base", frequencyBase);
        if (scaling is not { } how)
            return;

        // "dynamic" changes nothing up to the length of the training, which is what the context is then.
        var kind = (how["rope_type"] ?? how["type"])?.Text ?? "default";
        switch (kind)
        {
            case "default" or "dynamic":
                return;
            case "linear":
                keys.Set("rope.scaling.type", "linear");
                keys.Set("rope.scaling.factor", Factor(how));
                return;
            case "yarn":
                DescribeYarn(config, keys, how);
                return;
            case "llama3":
                keys.Vectors["rope_freqs.weight"] = Llama3Divisors(how, frequencyBase, rotated);
                return;
            case "longrope" or "su":
                DescribeLongRope(config, keys, how);
                return;
            default:
                throw config.Unsupported("rope_scaling", $"'{kind}'", "default, dynamic, linear, llama3, longrope, yarn");
        }
    }

    private static double Factor(JsonPart how)
    {
        var factor = how.Require("factor", "a number");
        return factor.Number is > 0 and <= 1e6 ? factor.Number : throw factor.Wrong("a number above 0, at most 1e6");
    }

    private static int OriginalContext(FolderConfig config, JsonPart how)
    {
        var original = how["original_max_position_embeddings"] ?? config.Json["original_max_position_embeddings"];
        var length = original?.Integer ?? config.Int("max_position_embeddings");
        return length >= 1 ? length : throw config.Unsupported("original_max_position_embeddings", $"{length}", "1 and above");
    }

    // GGUF multiplies the magnitude by attn_factor and, for YaRN, by 1 + 0.1 ln(factor), which is what the makers' code has where the file is silent.
    private static void DescribeYarn(FolderConfig config, FolderKeys keys, JsonPart how)
    {
        if (how["truncate"]?.Flag == false)
            throw config.Unsupported("rope_scaling.truncate", "false", "true");
        var factor = Factor(how);
        keys.Set("rope.scaling.type", "yarn");
        keys.Set("rope.scaling.factor", factor);
        keys.Set("rope.scaling.original_context_length", OriginalContext(config, how));
        if (how["beta_fast"] is { } fast)
            keys.Set("rope.scaling.yarn_beta_fast", fast.Number);
        if (how["beta_slow"] is { } slow)
            keys.Set("rope.scaling.yarn_beta_slow", slow.Number);

        double Magnitude(double multiplier) => factor <= 1 ? 1 : 1 + 0.1 * multiplier * Math.Log(factor);
        var wanted = how["attention_factor"]?.Number
            ?? (how["mscale"] is { } scale && how["mscale_all_dim"] is { } scaleAll ? Magnitude(scale.Number) / Magnitude(scaleAll.Number) : Magnitude(1));
        if (wanted != Magnitude(1))
            keys.Set("rope.scaling.attn_factor", wanted / Magnitude(1));
    }

    private static void DescribeLongRope(FolderConfig config, FolderKeys keys, JsonPart how)
    {
        var original = OriginalContext(config, how);
        var factor = how["factor"]?.Number ?? config.Int("max_position_embeddings") / (double)original;
        keys.Set("rope.scaling.type", "longrope");
        keys.Set("rope.scaling.original_context_length", original);
        keys.Set("rope.scaling.attn_factor", how["attention_factor"]?.Number ?? (factor <= 1 ? 1 : Math.Sqrt(1 + Math.Log(factor) / Math.Log(original))));
        keys.Vectors["rope_factors_long.weight"] = Vector(how.Require("long_factor", "a list of numbers"));
        keys.Vectors["rope_factors_short.weight"] = Vector(how.Require("short_factor", "a list of numbers"));
    }

    private static float[] Vector(JsonPart list) => list.Count is > 0 and <= 1 << 16 ? [.. list.Items().Select(item => (float)item.Number)] : throw list.Wrong("1 to 65536 numbers");

    /// <summary>
    /// Llama 3.1: pairs that turn often in the original context keep their frequency, those that turn seldom are slowed by the factor, with a
    /// straight line between them, over the turns.
    /// </summary>
    private static float[] Llama3Divisors(JsonPart how, double frequencyBase, int width)
    {
        var factor = Factor(how);
        var low = how.Require("low_freq_factor", "a number").Number;
        var high = how.Require("high_freq_factor", "a number").Number;
        var original = how.Require("original_max_position_embeddings", "an integer").Integer;
        if (!(low > 0 && high > low && original > 0))
            throw how.Wrong("0 < low_freq_factor < high_freq_factor, and an original length above 0", $"{low}, {high}, {original}");
        var divisors = new float[width / 2];
        for (var pair = 0; pair < divisors.Length; pair++)
        {
            var turns = original * Math.Pow(frequencyBase, -2.0 * pair / width) / (2 * Math.PI);
            var kept = Math.Clamp((turns - low) / (high - low), 0, 1);
            divisors[pair] = (float)(1 / ((1 - kept) / factor + kept));
        }

        return divisors;
    }
}
