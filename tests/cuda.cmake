# Tests of cuda/.

# The CUDA kernels' own source, over an emulation of CUDA's execution model, on the processor. Thrust
# stages with its sequential backend.
find_package(Boost REQUIRED COMPONENTS context)
find_path(GRIDRUN_THRUST_INCLUDE thrust/version.h
          HINTS ${CUDAToolkit_INCLUDE_DIRS} PATHS /usr/local/cuda/include PATH_SUFFIXES cccl
          DOC "Directory of Thrust's headers" REQUIRED)

add_library(cuda_emulation STATIC emulation/cuda_emulation.cpp)
target_include_directories(cuda_emulation PUBLIC emulation)
target_link_libraries(cuda_emulation PUBLIC gridrun_options PRIVATE Boost::context)

add_executable(gridrun_emulation_tests emulation_test.cpp)
target_link_libraries(gridrun_emulation_tests PRIVATE cuda_emulation GTest::gtest_main)
gtest_discover_tests(gridrun_emulation_tests)

add_executable(gridrun_emulated_kernel_tests
  app/choose_engine_test.cpp
  cuda_batches_test.cpp
  cuda_diagnostics_test.cpp
  cuda_general_test.cpp
  cuda_kernel_test.cpp
  emulation/emulated_device.cpp
  emulation/emulated_gpu.cpp
  emulation/emulated_test_device.cpp
  network_memory_test.cpp
  network_plan_test.cpp
  random_network.cpp
  test_sweep.cpp
  train_plan_test.cpp
  ${PROJECT_SOURCE_DIR}/cuda/stage_on_device.cu)
set_source_files_properties(${PROJECT_SOURCE_DIR}/cuda/stage_on_device.cu PROPERTIES LANGUAGE CXX)
target_compile_definitions(gridrun_emulated_kernel_tests PRIVATE
  THRUST_DEVICE_SYSTEM=THRUST_DEVICE_SYSTEM_CPP)
target_compile_options(gridrun_emulated_kernel_tests PRIVATE -Wno-unknown-pragmas)
target_include_directories(gridrun_emulated_kernel_tests PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
target_include_directories(gridrun_emulated_kernel_tests SYSTEM PRIVATE ${GRIDRUN_THRUST_INCLUDE})
target_link_libraries(gridrun_emulated_kernel_tests PRIVATE
  cuda_emulation gridrun_batched gridrun_host fmt::fmt GTest::gtest_main)
gtest_discover_tests(gridrun_emulated_kernel_tests TEST_PREFIX emulated.)

# The same tests on a GPU, which say so when there is none.
add_executable(gridrun_gpu_tests
  cuda_engine_test.cpp
  $<$<BOOL:${CMAKE_CUDA_COMPILER}>:cuda_batches_test.cpp>
  $<$<BOOL:${CMAKE_CUDA_COMPILER}>:cuda_diagnostics_test.cpp>
  $<$<BOOL:${CMAKE_CUDA_COMPILER}>:cuda_general_test.cpp>
  $<$<BOOL:${CMAKE_CUDA_COMPILER}>:cuda_kernel_test.cpp>
  $<$<BOOL:${CMAKE_CUDA_COMPILER}>:gpu_test_device.cpp>
  $<$<BOOL:${CMAKE_CUDA_COMPILER}>:random_network.cpp>
  test_sweep.cpp)
target_link_libraries(gridrun_gpu_tests PRIVATE gridrun_cuda gridrun_host fmt::fmt GTest::gtest_main)
gtest_discover_tests(gridrun_gpu_tests TEST_PREFIX gpu.)

if(CMAKE_CUDA_COMPILER AND NOT GRIDRUN_SANITIZE)
  # Of the architectures that are built; the command by itself compares all of the table.
  add_test(NAME KernelResources COMMAND ${PROJECT_SOURCE_DIR}/tools/kernel-resources --build ${PROJECT_BINARY_DIR})
  set_tests_properties(KernelResources PROPERTIES ENVIRONMENT NVCC=${CMAKE_CUDA_COMPILER} SKIP_RETURN_CODE 77)
endif()
