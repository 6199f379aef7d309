using System.Collections.Immutable;
using System.Globalization;

namespace EmbeddedLlm.HuggingFace;

/// <summary>A class of models in their makers' code, and what its configuration and tensors are called in GGUF.</summary>
internal abstract class FolderFamily
{
    private const int MaxContext = 1 << 30;

    /// <summary>Values of <c>architectures</c> in config.json.</summary>
    public abstract ImmutableArray<string> Architectures { get; }

    /// <summary>GGUF's name of the family.</summary>
    public abstract string Name { get; }

    /// <summary>What stands before the number of a layer in the name of a tensor.</summary>
    protected abstract string LayerPrefix { get; }

    /// <summary>GGUF names of the tensors outside of layers, both without <c>.weight</c>.</summary>
    protected abstract IReadOnlyDictionary<string, string> Outer { get; }

    /// <summary>GGUF names of the tensors of a layer.</summary>
    protected abstract IReadOnlyDictionary<string, string> Layer { get; }

    /// <summary>Writes down what the configuration says.</summary>
    public abstract void Describe(FolderConfig config, FolderKeys keys);

    /// <summary>What the model is called in GGUF, where its name means something there.</summary>
    public virtual string ModelName(string name) => name;

    /// <summary>Where a tensor goes; null where this family has no place for it.</summary>
    public Placement? Place(FolderConfig config, string name)
    {
        name = Plain(name);
        if (name.Length == 0 || IsBuffer(name))
            return Placement.Ignored;
        var dot = name.LastIndexOf('.');
        if (dot < 0 || name[dot..] is not (".weight" or ".bias"))
            return null;
        var (part, ending) = (name[..dot], name[dot..]);
        if (Outer.TryGetValue(part, out var outer))
            return outer == "output" && config.IsTied == true ? Placement.Ignored : Adjust(config, outer, new(outer + ending));
        if (!part.StartsWith(LayerPrefix, StringComparison.Ordinal) || part.IndexOf('.', LayerPrefix.Length) is not (> 0 and var end))
            return null;
        return int.TryParse(part.AsSpan(LayerPrefix.Length..end), NumberStyles.None, CultureInfo.InvariantCulture, out var layer) && Layer.TryGetValue(part[(end + 1)..], out var inner)
            ? Adjust(config, inner, new($"blk.{layer}.{inner}{ending}"))
            : null;
    }

    /// <summary>The name without what some files have before it; empty where it is of a part that writes no text.</summary>
    protected virtual string Plain(string name) => name;

    /// <summary>Whether a tensor is a constant of the code that was stored along.</summary>
    protected virtual bool IsBuffer(string name) => name.EndsWith(".rotary_emb.inv_freq", StringComparison.Ordinal);

    /// <summary>How GGUF has a tensor otherwise.</summary>
    protected virtual Placement Adjust(FolderConfig config, string name, Placement placement) => placement;

    /// <summary>The keys of a Llama and what is like it.</summary>
    protected static void Standard(FolderConfig config, FolderKeys keys, int context, int? headWidth = null, double? epsilon = null, double ropeBase = 10000)
    {
        var width = config.HeadWidth(headWidth);
        keys.Set("context_length", context);
        keys.Set("embedding_length", config.Width);
        keys.Set("block_count", config.Layers);
        keys.Set("feed_forward_length", config.Int("intermediate_size"));
        keys.Set("attention.head_count", config.Heads);
        keys.Set("attention.head_count_kv", config.KvHeads);
        keys.Set("attention.layer_norm_rms_epsilon", config.Number("rms_norm_eps", epsilon));
        if (headWidth is not null || config.Json["head_dim"] is not null)
        {
            keys.Set("attention.key_length", width);
            keys.Set("attention.value_length", width);
        }

        FolderRope.Describe(config, keys, width, ropeBase);
    }

    /// <summary>Positions that the model was trained for; with a window that the family is computed without, those up to which it makes no difference.</summary>
    protected static int Context(FolderConfig config, bool hasWindow)
    {
        var context = config.Count("max_position_embeddings", MaxContext);
        return hasWindow && config.Json["sliding_window"] is not null ? Math.Min(context, config.Count("sliding_window", MaxContext)) : context;
    }
}
