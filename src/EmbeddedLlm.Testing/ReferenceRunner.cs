using EmbeddedLlm.Backends;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Testing;

/// <summary>Walks a graph op by op; each op is one method that reads like its definition.</summary>
internal sealed class ReferenceRunner : IModelRunner
{
    private readonly ModelGraph _graph;
    private readonly RunnerOptions _options;
    private readonly ReferenceKv[] _kv;
    private readonly ReferenceState[] _states;
    private readonly float[][] _values;     // by value id: [rows × width]

    // Of the batch that runs now, by row.
    private int[] _positions = [];
    private int[] _slices = [];

    public ReferenceRunner(ModelGraph graph, RunnerOptions options)
    {
        _graph = graph;
        _options = options;
        _kv = [.. graph.KvLayers.Select(layer => new ReferenceKv(layer, options))];
        _states = [.. graph.StateLayers.Select(layer => new ReferenceState(layer, options))];
        _values = new float[graph.ValueCount][];
    }

    public int KvBlocks => _options.KvBlocks;

    public void CopyKvBlock(int from, int to)
    {
        foreach (var kv in _kv)
            kv.Copy(from, to);
    }

    public string KvLayout => $"reference/1/{_options.KvType}";

    public int KvBlockBytes => _kv.Sum(kv => kv.BlockBytes);

    public void ReadKvBlock(int block, int positions, Span<byte> bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(bytes.Length, KvBlockBytes);
        foreach (var kv in _kv)
        {
            kv.Read(block, positions, bytes[..kv.BlockBytes]);
            bytes = bytes[kv.BlockBytes..];
        }
    }

    public void WriteKvBlock(int block, ReadOnlySpan<byte> bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(bytes.Length, KvBlockBytes);
        foreach (var kv in _kv)
        {
            kv.Write(block, bytes[..kv.BlockBytes]);
            bytes = bytes[kv.BlockBytes..];
        }
    }

    public void CopyState(int from, int to)
    {
        foreach (var state in _states)
            state.Copy(from, to);
    }

    public void Dispose()
    {
    }

    public void Run(in Batch batch, Span<float> logits)
    {
        Place(batch);
        foreach (var op in _graph.Ops)
        {
            foreach (var output in op.Outputs)
                _values[output.Id] = new float[(op is Op.PickRows ? batch.OutputRows.Length : RowsOf(op, batch)) * output.Width];
            Run(op, batch);
        }

        _values[_graph.Logits.Id].CopyTo(logits);
    }

    private int RowsOf(Op op, in Batch batch) => op is Op.Embed or Op.EmbedPositions ? batch.Tokens.Length : _values[op.Inputs[0].Id].Length / op.Inputs[0].Width;

    // Finds position and slice of every row, and refuses a batch that does not hold together.
    private void Place(in Batch batch)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(batch.Tokens.Length, _options.MaxBatchRows);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(batch.OutputRows.Length, _options.MaxOutputRows);
        _positions = new int[batch.Tokens.Length];
        _slices = new int[batch.Tokens.Length];
        var row = 0;
        for (var s = 0; s < batch.Slices.Length; s++)
        {
            var slice = batch.Slices[s];
            if ((long)slice.KvCount * _options.KvBlockTokens < (long)slice.Past + slice.Rows)
                throw new ArgumentException($"Slice {s} has {slice.KvCount} blocks for {slice.Past} + {slice.Rows} positions.", nameof(batch));
            if (slice.Past != 0 && _graph.NeedsWholeTexts)
                throw new ArgumentException($"Slice {s} begins at position {slice.Past}; this model reads whole texts.", nameof(batch));
            for (var i = 0; i < slice.Rows; i++, row++)
            {
                _positions[row] = slice.Past + i;
                _slices[row] = s;
            }
        }

        if (row != batch.Tokens.Length)
            throw new ArgumentException($"The slices have {row} rows, the batch {batch.Tokens.Length} tokens.", nameof(batch));
    }

    private void Run(Op op, in Batch batch)
    {
        switch (op)
        {
            case Op.Embed embed:
                for (var row = 0; row < batch.Tokens.Length; row++)
                    embed.Table.DequantizeRow(batch.Tokens[row], Row(embed.Out, row));
                break;
            case Op.EmbedPositions embed:
                for (var row = 0; row < batch.Tokens.Length; row++)
                    embed.Table.DequantizeRow(_positions[row], Row(embed.Out, row));
                break;
            case Op.Linear linear:
                foreach (var projection in linear.Projections)
                    Linear(linear, projection);
                break;
            case Op.HeadLinear linear:
                HeadLinear(linear);
                break;
            case Op.Norm norm:
                Norm(norm);
                break;
            case Op.Rope rope:
                Rope(rope);
                break;
            case Op.Attention attention:
                Attention(attention, batch);
                break;
            case Op.Gate gate:
                ForEach(gate.Out, i => Activate(_values[gate.Gated.Id][i], gate.Kind) * _values[gate.Up.Id][i]);
                break;
            case Op.Activate activate:
                ForEach(activate.Out, i => Activate(_values[activate.In.Id][i], activate.Kind));
                break;
            case Op.RowGate gate:
                ForEach(gate.Out, i => Activate(_values[gate.Factor.Id][i / gate.Out.Width], gate.Kind) * _values[gate.In.Id][i]);
                break;
            case Op.Bound bound:
                ForEach(bound.Out, i => Bound(_values[bound.In.Id][i], bound.Limit, bound.IsSmooth));
                break;
            case Op.Add add:
                ForEach(add.Out, i => _values[add.Left.Id][i] + _values[add.Right.Id][i]);
                break;
            case Op.AddVector add:
                var vector = add.Vector.ToFloats();
                ForEach(add.Out, i => _values[add.In.Id][i] + vector[i % vector.Length]);
                break;
            case Op.Multiply multiply:
                ForEach(multiply.Out, i => (double)_values[multiply.Left.Id][i] * _values[multiply.Right.Id][i]);
                break;
            case Op.Part part:
                ForEach(part.Out, i => _values[part.In.Id][i / part.Count * part.Run + part.First + i % part.Count]);
                break;
            case Op.ShortConvolution convolution:
                ForEachSlice(batch, convolution.Layer, (first, rows, state) => Convolve(convolution, first, rows, state));
                break;
            case Op.StateSpace space:
                ForEachSlice(batch, space.Layer, (first, rows, state) => StateSpace(space, first, rows, state));
                break;
            case Op.GatedDelta delta:
                ForEachSlice(batch, delta.Layer, (first, rows, state) => GatedDelta(delta, first, rows, state));
                break;
            case Op.Scale scale:
                ForEach(scale.Out, i => _values[scale.In.Id][i] * scale.Factor);
                break;
            case Op.Experts experts:
                Experts(experts);
                break;
            case Op.PickRows pick:
                for (var i = 0; i < batch.OutputRows.Length; i++)
                    Row(pick.In, batch.OutputRows[i]).CopyTo(Row(pick.Out, i));
                break;
            default:
                throw new NotSupportedException($"The reference has no meaning for {op.GetType().Name}.");
        }
    }

    private Span<float> Row(Value value, int row) => _values[value.Id].AsSpan(row * value.Width, value.Width);

    private int Rows(Value value) => _values[value.Id].Length / value.Width;

    private void ForEach(Value output, Func<int, double> function)
    {
        var values = _values[output.Id];
        for (var i = 0; i < values.Length; i++)
            values[i] = (float)function(i);
    }

    // Out[row][o] = In[row] · Weight[o] + Bias[o]
    private void Linear(Op.Linear linear, Projection projection)
    {
        var weights = new float[projection.Weight.Columns];
        var bias = projection.Bias?.ToFloats();
        for (var o = 0; o < projection.Weight.Rows; o++)
        {
            projection.Weight.DequantizeRow(o, weights);
            for (var row = 0; row < Rows(linear.In); row++)
                Row(projection.Out, row)[o] = (float)(Dot(weights, Row(linear.In, row)) + (bias?[o] ?? 0.0));
        }
    }

    // Out head = [In head[0 … columns) · Weight[head], what is left of In head]
    private void HeadLinear(Op.HeadLinear linear)
    {
        var (weight, heads) = (linear.Weight, linear.Weight.Experts);
        var (width, outWidth) = (linear.In.Width / heads, linear.Out.Width / heads);
        for (var row = 0; row < Rows(linear.In); row++)
        {
            for (var head = 0; head < heads; head++)
            {
                var x = Row(linear.In, row).Slice(head * width, width);
                var y = Row(linear.Out, row).Slice(head * outWidth, outWidth);
                Multiply(weight, head, x[..weight.Columns], null).CopyTo(y);
                x[weight.Columns..].CopyTo(y[weight.Rows..]);
            }
        }
    }

    // The gain's length of each run: (x − mean) / sqrt(mean square + ε) · gain + bias; RMS does not take the mean away.
    private void Norm(Op.Norm norm)
    {
        var gain = norm.Gain.ToFloats();
        var bias = norm.Bias?.ToFloats();
        var all = _values[norm.In.Id];
        all.CopyTo(_values[norm.Out.Id], 0);
        for (var start = 0; start < all.Length; start += norm.RunWidth)
        {
            var x = all.AsSpan(start, norm.Gain.Columns);
            var gainOfRun = gain.AsSpan(start / norm.RunWidth % norm.Gain.Rows * norm.Gain.Columns);
            double mean = 0;
            if (norm.Kind == NormKind.Layer)
            {
                foreach (var number in x)
                    mean += number;
                mean /= x.Length;
            }

            double squares = 0;
            foreach (var number in x)
                squares += (number - mean) * (number - mean);
            var factor = 1 / Math.Sqrt(squares / x.Length + norm.Epsilon);
            for (var i = 0; i < x.Length; i++)
                _values[norm.Out.Id][start + i] = (float)((x[i] - mean) * factor * gainOfRun[i] + (bias?[i] ?? 0.0));
        }
    }

    // (a, b) → (a cos − b sin, a sin + b cos), with the angle position · frequency of the pair.
    private void Rope(Op.Rope rope)
    {
        var spec = rope.Spec;
        _values[rope.In.Id].CopyTo(_values[rope.Out.Id], 0);
        for (var row = 0; row < Rows(rope.In); row++)
        {
            for (var start = rope.Start; start < rope.In.Width; start += rope.HeadWidth)
            {
                for (var pair = 0; pair < spec.Frequencies.Length; pair++)
                {
                    var (first, second) = spec.Pairing == RopePairing.Adjacent ? (2 * pair, 2 * pair + 1) : (pair, pair + spec.Frequencies.Length);
                    double a = Row(rope.In, row)[start + first], b = Row(rope.In, row)[start + second];
                    var (sin, cos) = Math.SinCos(_positions[row] * spec.Frequencies[pair]);
                    Row(rope.Out, row)[start + first] = (float)((a * cos - b * sin) * spec.Magnitude);
                    Row(rope.Out, row)[start + second] = (float)((a * sin + b * cos) * spec.Magnitude);
                }
            }
        }
    }

    private void Attention(Op.Attention attention, in Batch batch)
    {
        var kv = _kv[attention.Layer];
        for (var row = 0; row < batch.Tokens.Length; row++)
        {
            if (attention.K is { } k)
                kv.Write(BlocksOf(batch, row), _positions[row], Row(k, row), attention.V is { } v ? Row(v, row) : []);
        }

        var spec = attention.Spec;
        var sinks = attention.Sinks?.ToFloats();
        for (var row = 0; row < batch.Tokens.Length; row++)
        {
            var blocks = BlocksOf(batch, row);
            var position = _positions[row];
            var slice = batch.Slices[_slices[row]];
            var (first, end) = spec.View(position, slice.Past + slice.Rows);
            double scale = spec.Scale;
            if (spec.TemperatureScale != 0)
                scale *= 1 + spec.TemperatureScale * Math.Log(1 + position / spec.TemperatureLength);

            for (var head = 0; head < spec.Heads; head++)
            {
                var kvHead = head / (spec.Heads / spec.KvHeads);
                var q = Row(attention.Q, row).Slice(head * spec.HeadWidth, spec.HeadWidth);
                var weights = new double[end - first + (sinks is null ? 0 : 1)];
                for (var i = 0; i < end - first; i++)
                {
                    var score = scale * Dot(q, kv.Key(blocks, first + i).Slice(kvHead * spec.HeadWidth, spec.HeadWidth));
                    if (spec.SoftCap > 0)
                        score = Bound(score, spec.SoftCap, isSmooth: true);
                    weights[i] = spec.AlibiBias > 0 ? score - spec.AlibiSlope(head) * Math.Abs(position - first - i) : score;
                }

                if (sinks is not null)
                    weights[^1] = sinks[head];
                Softmax(weights);

                var sums = new double[spec.ValueWidth];
                for (var i = 0; i < end - first; i++)
                {
                    var v = kv.Value(blocks, first + i, kvHead, spec.ValueWidth);
                    for (var d = 0; d < sums.Length; d++)
                        sums[d] += weights[i] * v[d];
                }

                for (var d = 0; d < sums.Length; d++)
                    Row(attention.Out, row)[head * spec.ValueWidth + d] = (float)sums[d];
            }
        }
    }

    private ReadOnlySpan<int> BlocksOf(in Batch batch, int row)
    {
        var slice = batch.Slices[_slices[row]];
        return batch.KvBlocks.Slice(slice.KvStart, slice.KvCount);
    }

    private delegate void StateStep(int firstRow, int rows, Span<float> state);

    private void ForEachSlice(in Batch batch, int layer, StateStep step)
    {
        var first = 0;
        foreach (var slice in batch.Slices)
        {
            step(first, slice.Rows, _states[layer].Begin(slice));
            first += slice.Rows;
        }
    }

    // Out[t][c] = Σ Kernel[c][j] · In[t − (k − 1) + j][c] + Bias[c]; the state is the k − 1 rows before the next.
    private void Convolve(Op.ShortConvolution convolution, int firstRow, int rows, Span<float> state)
    {
        var kernel = convolution.Kernel.ToFloats();
        var bias = convolution.Bias?.ToFloats();
        var (channels, reach) = (convolution.In.Width, convolution.Kernel.Columns);
        for (var row = firstRow; row < firstRow + rows; row++)
        {
            var x = Row(convolution.In, row);
            for (var c = 0; c < channels; c++)
            {
                var sum = (bias?[c] ?? 0.0) + (double)kernel[c * reach + reach - 1] * x[c];
                for (var j = 0; j < reach - 1; j++)
                    sum += (double)kernel[c * reach + j] * state[j * channels + c];
                Row(convolution.Out, row)[c] = (float)sum;
            }

            state[channels..].CopyTo(state);
            x.CopyTo(state[^channels..]);
        }
    }

    private void StateSpace(Op.StateSpace space, int firstRow, int rows, Span<float> state)
    {
        var (bias, decay, skip) = (space.StepBias.ToFloats(), space.Decay.ToFloats(), space.Skip.ToFloats());
        var (heads, width, groups, stateWidth) = space.Spec;
        for (var row = firstRow; row < firstRow + rows; row++)
        {
            for (var head = 0; head < heads; head++)
            {
                var group = head / (heads / groups);
                var own = state.Slice(head * stateWidth * width, stateWidth * width);
                var x = Row(space.X, row).Slice(head * width, width);
                var b = Row(space.B, row).Slice(group * stateWidth, stateWidth);
                var c = Row(space.C, row).Slice(group * stateWidth, stateWidth);
                var step = Softplus(Row(space.Step, row)[head] + (double)bias[head]);
                var kept = Math.Exp(step * decay[head]);
                for (var d = 0; d < width; d++)
                {
                    var sum = (double)skip[head] * x[d];
                    for (var n = 0; n < stateWidth; n++)
                    {
                        ref var number = ref own[n * width + d];
                        number = (float)(number * kept + b[n] * (step * x[d]));
                        sum += (double)number * c[n];
                    }

                    Row(space.Out, row)[head * width + d] = (float)sum;
                }
            }
        }
    }

    private void GatedDelta(Op.GatedDelta delta, int firstRow, int rows, Span<float> state)
    {
        var (bias, decay) = (delta.StepBias.ToFloats(), delta.Decay.ToFloats());
        var (heads, width, groups, stateWidth) = delta.Spec;
        for (var row = firstRow; row < firstRow + rows; row++)
        {
            for (var head = 0; head < heads; head++)
            {
                var own = state.Slice(head * stateWidth * width, stateWidth * width);
                var q = Unit(Row(delta.Q, row).Slice(head % groups * stateWidth, stateWidth), delta.Epsilon);
                var k = Unit(Row(delta.K, row).Slice(head % groups * stateWidth, stateWidth), delta.Epsilon);
                var v = Row(delta.V, row).Slice(head * width, width);
                var kept = Math.Exp(decay[head] * Softplus(Row(delta.Step, row)[head] + (double)bias[head]));
                var beta = Activate(Row(delta.Beta, row)[head], Activation.Sigmoid);
                for (var d = 0; d < width; d++)
                {
                    double known = 0, sum = 0;
                    for (var n = 0; n < stateWidth; n++)
                        known += kept * own[n * width + d] * k[n];
                    for (var n = 0; n < stateWidth; n++)
                    {
                        ref var number = ref own[n * width + d];
                        number = (float)(kept * number + k[n] * beta * (v[d] - known));
                        sum += number * q[n];
                    }

                    Row(delta.Out, row)[head * width + d] = (float)(sum / Math.Sqrt(stateWidth));
                }
            }
        }
    }

    private static double[] Unit(ReadOnlySpan<float> vector, double epsilon)
    {
        var length = Math.Max(Math.Sqrt(Dot(vector, vector)), epsilon);
        return Array.ConvertAll(vector.ToArray(), number => number / length);
    }

    // ln(1 + e^x), as max(x, 0) + ln(1 + e^−|x|), where nothing overflows.
    private static double Softplus(double x) => Math.Max(x, 0) + Math.Log(1 + Math.Exp(-Math.Abs(x)));

    // Σ over the chosen experts of weight · Down(act(Gate x) · Up x)
    private void Experts(Op.Experts experts)
    {
        var (spec, biases) = (experts.Spec, experts.Biases);
        for (var row = 0; row < Rows(experts.In); row++)
        {
            var x = Row(experts.In, row);
            var scores = Array.ConvertAll(Multiply(experts.Router, 0, x, biases?.Router), logit => (double)logit);
            if (spec.Scoring == ExpertScoring.Softmax)
                Softmax(scores);
            else
                scores = Array.ConvertAll(scores, logit => Activate(logit, Activation.Sigmoid));

            var chosen = Choose(scores, spec, biases?.Choice);
            var sum = spec.NormalizeWeights ? chosen.Sum(e => scores[e]) : 1;
            var sums = new double[experts.Out.Width];
            foreach (var e in chosen)
            {
                var gate = Multiply(experts.GateProjection, e, x, biases?.Gate);
                var up = Multiply(experts.UpProjection, e, x, biases?.Up);
                var hidden = gate.Select((number, i) => (float)Gate(number, up[i], spec)).ToArray();
                var down = Multiply(experts.DownProjection, e, hidden, biases?.Down);
                for (var i = 0; i < sums.Length; i++)
                    sums[i] += scores[e] / sum * spec.WeightScale * down[i];
            }

            for (var i = 0; i < sums.Length; i++)
                Row(experts.Out, row)[i] = (float)sums[i];
        }
    }

    // The experts with the highest scores, of the groups with the highest; of equal ones the first.
    private static int[] Choose(double[] scores, ExpertsSpec spec, Weight? bias)
    {
        var choices = bias is null ? scores : [.. scores.Zip(bias.ToFloats(), (score, number) => score + number)];
        var groups = Enumerable.Range(0, scores.Length).Chunk(scores.Length / spec.Groups);
        var used = groups.OrderByDescending(group => group.Select(e => choices[e]).OrderDescending().Take(spec.GroupScores).Sum()).Take(spec.GroupsUsed);
        return [.. used.SelectMany(group => group).Order().OrderByDescending(e => choices[e]).Take(spec.Used)];
    }

    private static double Gate(double gate, double up, ExpertsSpec spec)
    {
        if (spec.Limit > 0)
            (gate, up) = (Math.Min(gate, spec.Limit), Bound(up, spec.Limit, isSmooth: false));
        return Activate(gate, spec.Activation) * (up + spec.UpOffset);
    }

    private static float[] Multiply(Weight weight, int expert, ReadOnlySpan<float> x, Weight? biases)
    {
        var weights = new float[weight.Columns];
        var bias = new float[weight.Rows];
        biases?.DequantizeRow(expert, bias);
        var result = new float[weight.Rows];
        for (var o = 0; o < result.Length; o++)
        {
            weight.DequantizeRow((long)expert * weight.Rows + o, weights);
            result[o] = (float)(Dot(weights, x) + bias[o]);
        }

        return result;
    }

    private static double Dot(ReadOnlySpan<float> left, ReadOnlySpan<float> right)
    {
        double sum = 0;
        for (var i = 0; i < left.Length; i++)
            sum += (double)left[i] * right[i];
        return sum;
    }

    private static void Softmax(double[] scores)
    {
        var highest = scores.Max();
        for (var i = 0; i < scores.Length; i++)
            scores[i] = Math.Exp(scores[i] - highest);
        var sum = scores.Sum();
        for (var i = 0; i < scores.Length; i++)
            scores[i] /= sum;
    }

    private static double Activate(double x, Activation kind) => kind switch
    {
        Activation.Silu => x / (1 + Math.Exp(-x)),
        Activation.GeluTanh => x / 2 * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x))),
        Activation.Gelu => x / 2 * (1 + Erf(x / Math.Sqrt(2))),
        Activation.Relu => Math.Max(x, 0),
        Activation.Sigmoid => 1 / (1 + Math.Exp(-x)),
        Activation.GeluSigmoid => x / (1 + Math.Exp(-1.702 * x)),
        _ => throw new NotSupportedException($"The reference has no meaning for {kind}."),
    };

    private static double Bound(double x, double limit, bool isSmooth) => isSmooth ? limit * Math.Tanh(x / limit) : Math.Clamp(x, -limit, limit);

    // erf(x) = 2/√π · e^(−x²) · Σ 2ⁿ x^(2n+1) / (1·3·5···(2n+1)): all terms of one sign, so nothing cancels (Abramowitz and Stegun, 7.1.6).
    private static double Erf(double x)
    {
        if (Math.Abs(x) > 6)
            return Math.Sign(x);
        double term = x, sum = x;
        for (var n = 1; Math.Abs(term) > 1e-18 * Math.Abs(sum); n++)
        {
            term *= 2 * x * x / (2 * n + 1);
            sum += term;
        }

        return 2 / Math.Sqrt(Math.PI) * Math.Exp(-x * x) * sum;
    }
}
