using EmbeddedLlm.Cpu;

namespace EmbeddedLlm.Tests.Cpu;

public sealed class WorkerTeamTests
{
    [Theory, InlineData(1), InlineData(2), InlineData(3), InlineData(5)]
    public void Run_ManyPhases_EachSeesAllWorkOfTheOneBefore(int threads)
    {
        var probes = new Probe[50];
        for (var i = 0; i < probes.Length; i++)
            probes[i] = new Probe(i == 0 ? null : probes[i - 1]);
        using var team = new WorkerTeam([.. probes], threads);

        for (var step = 1; step <= 20; step++)
        {
            team.Run(new CpuStep());

            Assert.All(probes, probe => Assert.Equal(step * threads * Probe.PhaseCount, probe.Calls));
            Assert.All(probes, probe => Assert.Equal(0, probe.Early));
        }
    }

    [Theory, InlineData(1), InlineData(3)]
    public void Next_InEachPhase_GivesEveryUnitOnce(int threads)
    {
        var taker = new Taker();
        using var team = new WorkerTeam([taker, taker, taker], threads);

        for (var step = 1; step <= 10; step++)
        {
            team.Run(new CpuStep());
            Assert.All(taker.Taken, count => Assert.Equal(step * 3, count));
        }
    }

    [Theory, InlineData(1, 0), InlineData(3, 0), InlineData(3, 2)]
    public void Run_KernelFails_ThrowsItAndWorksAgain(int threads, int failing)
    {
        var failure = new Failing { Worker = failing };
        var after = new Probe();
        using var team = new WorkerTeam([failure, after], threads);

        for (var round = 0; round < 5; round++)
        {
            failure.Fails = true;
            var thrown = Assert.Throws<InvalidOperationException>(() => team.Run(new CpuStep()));
            Assert.Equal("on purpose", thrown.Message);

            failure.Fails = false;
            team.Run(new CpuStep());
            Assert.Equal((round + 1) * threads * Probe.PhaseCount, after.Calls);
        }
    }

    [Fact]
    public void Run_AllWorkersFail_ThrowsOne()
    {
        using var team = new WorkerTeam([new Failing { Worker = -1, Fails = true }], 4);

        for (var round = 0; round < 20; round++)
            Assert.Throws<InvalidOperationException>(() => team.Run(new CpuStep()));
    }

    [Fact]
    public void Scratch_OfEachWorker_IsItsOwnAlignedAndLargeEnough()
    {
        var kernel = new ScratchUser();
        using var team = new WorkerTeam([new Probe(), kernel], 3);

        team.Run(new CpuStep());

        Assert.Equal(3, kernel.Intact);
    }

    [Fact]
    public void Dispose_Twice_IsSafeAndRunThrowsAfter()
    {
        var team = new WorkerTeam([new Probe()], 3);
        team.Run(new CpuStep());

        team.Dispose();
        team.Dispose();

        Assert.Throws<ObjectDisposedException>(() => team.Run(new CpuStep()));
    }

    /// <summary>Counts calls, and workers that came into a phase before all had left the one before, which may be the last of the kernel <paramref name="before"/>.</summary>
    private sealed class Probe(Probe? before = null) : CpuKernel
    {
        public const int PhaseCount = 3;

        private readonly int[] _arrivals = new int[PhaseCount];

        public int Calls;
        public int Early;

        public override int Phases => PhaseCount;

        public override void Run(int phase, CpuStep step, Worker worker)
        {
            Interlocked.Increment(ref Calls);
            Interlocked.Increment(ref _arrivals[phase]);
            if (phase > 0 ? !AllCame(phase - 1, worker) : before?.AllCame(PhaseCount - 1, worker) == false)
                Interlocked.Increment(ref Early);
        }

        private bool AllCame(int phase, Worker worker) => Volatile.Read(ref _arrivals[phase]) % worker.Count == 0;
    }

    private sealed class Taker : CpuKernel
    {
        public int[] Taken { get; } = new int[100];

        public override void Run(int phase, CpuStep step, Worker worker)
        {
            for (var unit = worker.Next(); unit < Taken.Length; unit = worker.Next())
                Interlocked.Increment(ref Taken[unit]);
        }
    }

    private sealed class Failing : CpuKernel
    {
        public bool Fails;

        /// <summary>The worker that fails; −1 for all.</summary>
        public int Worker { get; init; }

        public override void Run(int phase, CpuStep step, Worker worker)
        {
            if (Fails && (Worker < 0 || worker.Index == Worker))
                throw new InvalidOperationException("on purpose");
        }
    }

    private sealed unsafe class ScratchUser : CpuKernel
    {
        public int Intact;

        public override int Phases => 2;

        public override int ScratchBytes => 1000;

        public override void Run(int phase, CpuStep step, Worker worker)
        {
            var own = new Span<byte>(worker.Scratch, ScratchBytes);
            if (phase == 0)
                own.Fill((byte)(worker.Index + 1));
            else if (!own.ContainsAnyExcept((byte)(worker.Index + 1)) && (nuint)worker.Scratch % 64 == 0 && worker.ScratchBytes >= ScratchBytes)
                Interlocked.Increment(ref Intact);
        }
    }
}
