namespace EmbeddedLlm.Grammar.Masks;

/// <summary>
/// Tokens as a tree over their bytes, laid out depth first: the next node is the first child where a byte is taken,
/// <see cref="Node.Size"/> further on where it is not.
/// </summary>
internal sealed class TokenTrie
{
    private readonly List<Node> _nodes = [];

    /// <summary>Makes the tree.</summary>
    /// <param name="tokens">Ids with their bytes, none of them empty, sorted by bytes.</param>
    public TokenTrie(List<(int Id, byte[] Bytes)> tokens)
    {
        var path = new List<int>();
        byte[] previous = [];
        foreach (var (id, bytes) in tokens)
        {
            var common = bytes.AsSpan().CommonPrefixLength(previous);
            Close(path, common);
            if (common == bytes.Length && path.Count == bytes.Length)
            {
                // The same bytes as the token before: a node of its own, which repeats the last byte.
                Close(path, common - 1);
                common--;
            }
            for (var depth = common; depth < bytes.Length; depth++)
            {
                path.Add(_nodes.Count);
                _nodes.Add(new Node { Byte = bytes[depth], Depth = (ushort)depth, Token = depth == bytes.Length - 1 ? id : -1 });
            }
            previous = bytes;
        }
        Close(path, 0);
        Nodes = [.. _nodes];
        _nodes = [];
        Depth = Nodes.Length == 0 ? 0 : Nodes.Max(node => node.Depth) + 1;
    }

    /// <summary>The nodes, depth first.</summary>
    public Node[] Nodes { get; }

    /// <summary>The length of the longest token in bytes.</summary>
    public int Depth { get; }

    private void Close(List<int> path, int length)
    {
        for (var depth = path.Count - 1; depth >= length; depth--)
        {
            var node = _nodes[path[depth]];
            node.Size = _nodes.Count - path[depth];
            _nodes[path[depth]] = node;
        }
        if (path.Count > length)
            path.RemoveRange(length, path.Count - length);
    }

    /// <summary>One byte of some tokens.</summary>
    internal struct Node
    {
        /// <summary>This node and all below it.</summary>
        public int Size;

        /// <summary>The token that ends here, or -1.</summary>
        public int Token;

        /// <summary>Bytes before this one.</summary>
        public ushort Depth;

        public byte Byte;
    }
}
