namespace GgufQuant.Gpu.Tests;

/// <summary>The committed PTX, run through the code that talks to CUDA's driver.</summary>
public sealed class PtxKernelTests(PtxKernelTests.Device device) : KernelTests(device), IClassFixture<PtxKernelTests.Device>
{
    public sealed class Device : Kernels
    {
        private readonly CudaStandIn _standIn;

        public Device()
            : this(new CudaStandIn())
        {
        }

        private Device(CudaStandIn standIn)
            : base(standIn.Missing, standIn.Open)
        {
            _standIn = standIn;
        }

        public override void Dispose()
        {
            base.Dispose();
            _standIn.Dispose();
        }
    }
}
