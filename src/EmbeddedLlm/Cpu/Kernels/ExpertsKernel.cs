using EmbeddedLlm.Cpu.Lanes;
using EmbeddedLlm.Cpu.Panels;
using EmbeddedLlm.Cpu.Tiers;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Cpu.Kernels;

/// <summary>
/// A mixture of experts with its router, see <see cref="Op.Experts"/>. Each row has <c>Used</c> <em>visits</em>, one for each expert it is sent to.
/// Visits are ordered by expert, so that each expert is read once for all its rows. A visit's numbers depend on its own row only,
/// and the visits of a row are added in the order of the row's choice; so a row does not notice its neighbours.
/// </summary>
internal sealed unsafe class ExpertsKernel<TLanes, TActivation> : CpuKernel, IExpertInputs
    where TLanes : unmanaged, ILanes<TLanes>
    where TActivation : struct, IActivation
{
    private readonly Workspace _workspace;
    private readonly Activations _input;
    private readonly Activations _output;
    private readonly ExpertsSpec _spec;
    private readonly int _maxColumns;
    private readonly PanelMatrix _router;
    private readonly PanelMatrix _gate;
    private readonly PanelMatrix _up;
    private readonly PanelMatrix _down;
    private readonly float[]? _routerBias;      // [experts]
    private readonly float[]? _gateBias;        // [experts × hidden]
    private readonly float[]? _upBias;          // [experts × hidden]
    private readonly float[]? _downBias;        // [experts × width]
    private readonly float[]? _choiceBias;      // [experts]
    private readonly Packing _routerPacking;
    private readonly Packing _inputPacking;
    private readonly Packing _hiddenPacking;

    // Places in the workspace.
    private readonly long _packedAt;
    private readonly long _logitsAt;        // [rows × experts]
    private readonly long _choicesAt;       // [rows × experts], where other scores choose than weigh
    private readonly long _groupsAt;        // [rows × groups] sums of the groups
    private readonly long _weightsAt;       // [rows × used] of the row's choices, in order
    private readonly long _chosenAt;        // [rows × used] experts, the most probable first
    private readonly long _visitsAt;        // [rows × used] visit of each choice
    private readonly long _visitRowsAt;     // [visits] row of each visit
    private readonly long _startsAt;        // [experts + 1] first visit of each expert
    private readonly long _gatedAt;         // [visits × hidden]
    private readonly long _upAt;            // [visits × hidden]
    private readonly long _resultsAt;       // [visits × width]

    /// <summary>Packs the weights, in parallel.</summary>
    /// <param name="tier">The instruction set; <see cref="Tier.Best"/> outside tests.</param>
    /// <param name="workspace">Shared memory of the runner's kernels.</param>
    /// <param name="op">Weights and how experts are chosen.</param>
    /// <param name="input">[rows × op.In.Width].</param>
    /// <param name="output">[rows × op.Out.Width].</param>
    /// <param name="maxRows">The most rows of one step.</param>
    /// <param name="keepInFile">Whether weights stay in the file, see <see cref="PanelMatrix"/>.</param>
    /// <exception cref="NotSupportedException">There is no panel for a weight's format.</exception>
    public ExpertsKernel(Tier tier, Workspace workspace, Op.Experts op, Activations input, Activations output, int maxRows, bool keepInFile = false)
    {
        _workspace = workspace;
        _input = input;
        _output = output;
        _spec = op.Spec;
        _maxColumns = tier.MaxColumns;
        _routerBias = op.Biases?.Router?.ToFloats();
        _gateBias = op.Biases?.Gate?.ToFloats();
        _upBias = op.Biases?.Up?.ToFloats();
        _downBias = op.Biases?.Down?.ToFloats();
        _choiceBias = op.Biases?.Choice?.ToFloats();
        var bytes = 0L;
        try
        {
            _router = new PanelMatrix(tier, op.Router, keepInFile);
            _gate = new PanelMatrix(tier, op.GateProjection, keepInFile);
            _up = new PanelMatrix(tier, op.UpProjection, keepInFile);
            _down = new PanelMatrix(tier, op.DownProjection, keepInFile);

            // The rows of each expert begin a tile of their own.
            var visits = (int)GraphMemory.CountNumbers(_spec.Used, maxRows);
            var places = checked(visits + Math.Min(visits, _router.Rows) * _maxColumns);
            foreach (var (width, rows) in ((int, int)[])[(_router.Rows, maxRows), (_gate.Width, places), (_gate.Rows, places), (_down.Rows, visits)])
                _ = GraphMemory.CountNumbers(width, rows);
            _routerPacking = new Packing(_maxColumns, maxRows, _router);
            _inputPacking = new Packing(_maxColumns, places, _gate, _up);
            _hiddenPacking = new Packing(_maxColumns, places, _down);

            _packedAt = Take(Math.Max(_routerPacking.Bytes, Math.Max(_inputPacking.Bytes, _hiddenPacking.Bytes)));
            _logitsAt = Take((long)maxRows * _router.Rows * sizeof(float));
            _choicesAt = HasChoices ? Take((long)maxRows * _router.Rows * sizeof(float)) : _logitsAt;
            _groupsAt = _spec.Groups > 1 ? Take((long)maxRows * _spec.Groups * sizeof(float)) : 0;
            _weightsAt = Take((long)visits * sizeof(float));
            _chosenAt = Take((long)visits * sizeof(int));
            _visitsAt = Take((long)visits * sizeof(int));
            _visitRowsAt = Take((long)visits * sizeof(int));
            _startsAt = Take((_router.Rows + 1L) * sizeof(int));
            _gatedAt = Take((long)visits * _gate.Rows * sizeof(float));
            _upAt = Take((long)visits * _gate.Rows * sizeof(float));
            _resultsAt = Take((long)visits * _down.Rows * sizeof(float));
            workspace.Reserve(bytes);
        }
        catch
        {
            Dispose();
            throw;
        }

        // Behind each part there is room for a register, so that loops need no remainder.
        long Take(long size)
        {
            var at = bytes;
            bytes = checked(bytes + (size + 127) / 64 * 64);
            return at;
        }
    }

    public Activations Input => _input;

    public Activations Hidden => new(At<float>(_gatedAt), _gate.Rows);

    public ExpertVisits Visits => new(At<int>(_startsAt), _router.Rows, _maxColumns);

    public int* VisitRows => At<int>(_visitRowsAt);

    public override int Phases => 10;

    // Whether experts are chosen by other numbers than they are weighed by.
    private bool HasChoices => _choiceBias is not null || _spec.Groups > 1;

    public override int ScratchBytes => Math.Max(Math.Max(_router.ScratchBytes, _gate.ScratchBytes), Math.Max(_up.ScratchBytes, _down.ScratchBytes));

    public override void Run(int phase, CpuStep step, Worker worker)
    {
        var rows = _input.RowsIn(step);
        var packed = At<byte>(_packedAt);
        switch (phase)
        {
            case 0:
                _routerPacking.Pack(packed, 0, _input, rows, null, worker);
                break;
            case 1:
                var (start, end) = worker.Share(_router.Panels);
                _router.Multiply(_routerPacking.For(_router, packed), rows, 0, start, end, _routerBias, At<float>(_logitsAt), worker.Scratch);
                break;
            case 2:
                Choose(worker.Share(rows));
                break;
            case 3:
                if (worker.Index == 0)
                    Order(rows);
                break;
            case 4:
                foreach (var visits in Visits)
                    _inputPacking.Pack(packed, visits.Place, _input, visits.Count, At<int>(_visitRowsAt) + visits.First, worker);
                break;
            case 5:
                Multiply(_gate, _gateBias, _inputPacking, At<float>(_gatedAt), worker);
                Multiply(_up, _upBias, _inputPacking, At<float>(_upAt), worker);
                break;
            case 6:
                if (_spec.Limit > 0 || _spec.UpOffset != 0)
                    ActivateWithin(rows * _spec.Used, worker);
                else
                    Activate(rows * _spec.Used, worker);
                break;
            case 7:
                foreach (var visits in Visits)
                    _hiddenPacking.Pack(packed, visits.Place, new Activations(Hidden.Row(visits.First), _gate.Rows), visits.Count, null, worker);
                break;
            case 8:
                Multiply(_down, _downBias, _hiddenPacking, At<float>(_resultsAt), worker);
                break;
            default:
                Sum(worker.Share(rows));
                break;
        }
    }

    public override void Dispose()
    {
        // Those behind one that could not be packed are not there.
        _router?.Dispose();
        _gate?.Dispose();
        _up?.Dispose();
        _down?.Dispose();
        base.Dispose();
    }

    private T* At<T>(long place) where T : unmanaged => (T*)(_workspace.Pointer + place);

    // Scores of all experts, then those with the highest; of equal ones the first.
    private void Choose((int Start, int End) rows)
    {
        var experts = _router.Rows;
        for (var row = rows.Start; row < rows.End; row++)
        {
            var scores = At<float>(_logitsAt) + (nint)row * experts;
            var choices = At<float>(_choicesAt) + (nint)row * experts;
            var sum = Score(scores);
            if (HasChoices)
                Prepare(scores, sum, choices, At<float>(_groupsAt) + (nint)row * _spec.Groups);

            var chosen = At<int>(_chosenAt) + (nint)row * _spec.Used;
            var weights = At<float>(_weightsAt) + (nint)row * _spec.Used;
            var chosenSum = 0f;
            for (var i = 0; i < _spec.Used; i++)
            {
                var best = IndexOfHighest(choices, experts);
                chosen[i] = best;
                chosenSum += weights[i] = scores[best];
                choices[best] = float.NegativeInfinity;
            }

            var factor = _spec.WeightScale / (_spec.NormalizeWeights ? chosenSum : sum);
            for (var i = 0; i < _spec.Used; i++)
                weights[i] *= factor;
        }
    }

    // Logits become scores but for a divisor, which is returned.
    private float Score(float* logits)
    {
        var experts = _router.Rows;
        if (_spec.Scoring == ExpertScoring.Sigmoid)
        {
            for (var e = 0; e < experts; e++)
                logits[e] = 1 / (1 + MathF.Exp(-logits[e]));
            return 1;
        }

        var largest = float.NegativeInfinity;
        for (var e = 0; e < experts; e++)
            largest = Math.Max(largest, logits[e]);
        var sum = 0f;
        for (var e = 0; e < experts; e++)
            sum += logits[e] = MathF.Exp(logits[e] - largest);
        return sum;
    }

    // What experts are chosen by: scores with their bias, and none in groups that are not used.
    private void Prepare(float* scores, float divisor, float* choices, float* sums)
    {
        var experts = _router.Rows;
        for (var e = 0; e < experts; e++)
            choices[e] = scores[e] / divisor + (_choiceBias is null ? 0 : _choiceBias[e]);
        if (_spec.Groups == 1)
            return;

        // The lowest groups go, of equal ones the last.
        var size = experts / _spec.Groups;
        for (var group = 0; group < _spec.Groups; group++)
            sums[group] = SumOfHighest(choices + (nint)group * size, size);
        for (var i = _spec.GroupsUsed; i < _spec.Groups; i++)
        {
            var lowest = 0;
            for (var group = 1; group < _spec.Groups; group++)
            {
                if (sums[group] <= sums[lowest])
                    lowest = group;
            }

            sums[lowest] = float.PositiveInfinity;
            new Span<float>(choices + (nint)lowest * size, size).Fill(float.NegativeInfinity);
        }
    }

    // Of the group's scores that count: each is at or below the last, and of equal ones behind it.
    private float SumOfHighest(float* scores, int count)
    {
        var (sum, last) = (0f, -1);
        for (var i = 0; i < _spec.GroupScores; i++)
        {
            var best = -1;
            for (var e = 0; e < count; e++)
            {
                var isLeft = last < 0 || scores[e] < scores[last] || (scores[e] == scores[last] && e > last);
                if (isLeft && (best < 0 || scores[e] > scores[best]))
                    best = e;
            }

            if (best < 0)
                return float.NaN;       // as the row is
            sum += scores[last = best];
        }

        return sum;
    }

    private static int IndexOfHighest(float* numbers, int count)
    {
        var best = 0;
        for (var i = 1; i < count; i++)
        {
            if (numbers[i] > numbers[best])
                best = i;
        }

        return best;
    }

    // Counts the visits of each expert, then gives every choice its place among them.
    private void Order(int rows)
    {
        int* starts = At<int>(_startsAt), chosen = At<int>(_chosenAt), visits = At<int>(_visitsAt), visitRows = At<int>(_visitRowsAt);
        var experts = _router.Rows;
        new Span<int>(starts, experts + 1).Clear();
        for (var i = 0; i < rows * _spec.Used; i++)
            starts[chosen[i] + 1]++;
        for (var e = 0; e < experts; e++)
            starts[e + 1] += starts[e];
        for (var i = 0; i < rows * _spec.Used; i++)
        {
            visits[i] = starts[chosen[i]]++;
            visitRows[visits[i]] = i / _spec.Used;
        }

        // Each start has moved to the next one's place.
        for (var e = experts; e > 0; e--)
            starts[e] = starts[e - 1];
        starts[0] = 0;
    }

    private void Multiply(PanelMatrix weight, float[]? biases, Packing packing, float* output, Worker worker)
    {
        var (start, end) = worker.Share(weight.Panels);
        foreach (var visits in Visits)
        {
            var columns = packing.For(weight, At<byte>(_packedAt), visits.Place);
            var bias = biases is null ? default : biases.AsSpan(visits.Expert * weight.Rows, weight.Rows);
            weight.Multiply(columns, visits.Count, visits.Expert, start, end, bias, output + (nint)visits.First * weight.Rows, worker.Scratch);
        }
    }

    private void Activate(int visits, Worker worker)
    {
        float* gated = At<float>(_gatedAt), up = At<float>(_upAt);
        var (start, end) = worker.Share(RegistersOf(visits));
        for (var i = start * (nint)TLanes.Count; i < end * (nint)TLanes.Count; i += TLanes.Count)
            (TActivation.Invoke(TLanes.Load(gated + i)) * TLanes.Load(up + i)).Store(gated + i);
    }

    private void ActivateWithin(int visits, Worker worker)
    {
        float* gated = At<float>(_gatedAt), up = At<float>(_upAt);
        var limit = TLanes.Fill(_spec.Limit > 0 ? _spec.Limit : float.PositiveInfinity);
        var least = TLanes.Fill(0) - limit;
        var (start, end) = worker.Share(RegistersOf(visits));
        for (var i = start * (nint)TLanes.Count; i < end * (nint)TLanes.Count; i += TLanes.Count)
        {
            var gate = TLanes.Min(limit, TLanes.Load(gated + i));
            var factor = TLanes.Max(least, TLanes.Min(limit, TLanes.Load(up + i))) + TLanes.Fill(_spec.UpOffset);
            (TActivation.Invoke(gate) * factor).Store(gated + i);
        }
    }

    private int RegistersOf(int visits) => checked((int)((visits * (long)_gate.Rows + TLanes.Count - 1) / TLanes.Count));

    private void Sum((int Start, int End) rows)
    {
        var width = _output.Width;
        for (var row = rows.Start; row < rows.End; row++)
        {
            var output = new Span<float>(_output.Row(row), width);
            output.Clear();
            for (var i = row * _spec.Used; i < (row + 1) * _spec.Used; i++)
            {
                var result = At<float>(_resultsAt) + (nint)At<int>(_visitsAt)[i] * width;
                var weight = At<float>(_weightsAt)[i];
                for (var o = 0; o < output.Length; o++)
                    output[o] += weight * result[o];
            }
        }
    }
}
