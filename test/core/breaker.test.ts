import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBreaker } from '#core/breaker.ts';

const POLICY = { failures: 3, coolDownMs: 100 };

describe('a breaker', () => {
  it('opens with the third failure in a row, not before', () => {
    const breaker = createBreaker(POLICY);
    breaker.failed(1);
    breaker.failed(2);
    expect(breaker.allows(3)).toBe(true);
    breaker.failed(3);
    expect(breaker.allows(4)).toBe(false);
  });

  it('counts from none after a success', () => {
    const breaker = createBreaker(POLICY);
    for (let atMs = 0; atMs < 10; atMs++) {
      breaker.failed(atMs);
      breaker.failed(atMs);
      breaker.succeeded();
    }
    expect(breaker.allows(10)).toBe(true);
  });

  it('lets one call find out after the cool-down, and no other', () => {
    const breaker = createBreaker(POLICY);
    for (let index = 0; index < 3; index++) breaker.failed(0);
    expect(breaker.allows(99)).toBe(false);
    expect(breaker.allows(100)).toBe(true);
    expect(breaker.allows(101)).toBe(false);
  });

  it('says that it is open without using up the call that finds out', () => {
    const breaker = createBreaker(POLICY);
    expect(breaker.isOpen(0)).toBe(false);
    for (let index = 0; index < 3; index++) breaker.failed(0);
    expect([breaker.isOpen(99), breaker.isOpen(100), breaker.isOpen(100)]).toEqual([true, false, false]);
    expect([breaker.allows(100), breaker.isOpen(101)]).toEqual([true, true]);
    breaker.succeeded();
    expect(breaker.isOpen(102)).toBe(false);
  });

  it('closes when that call succeeds, and stays open when it fails', () => {
    const breaker = createBreaker(POLICY);
    for (let index = 0; index < 3; index++) breaker.failed(0);
    breaker.allows(100);
    breaker.failed(120);
    expect(breaker.allows(219)).toBe(false);
    expect(breaker.allows(220)).toBe(true);
    breaker.succeeded();
    expect([breaker.allows(221), breaker.allows(222)]).toEqual([true, true]);
  });

  it('does not stay open for ever when nobody tells how that call went', () => {
    const breaker = createBreaker(POLICY);
    for (let index = 0; index < 3; index++) breaker.failed(0);
    expect(breaker.allows(100)).toBe(true);
    expect(breaker.allows(200)).toBe(true);
  });

  it('lets at most one call through a cool-down while everything fails', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 50 }), { minLength: 20, maxLength: 200 }), (gaps) => {
        const breaker = createBreaker(POLICY);
        const called: number[] = [];
        let nowMs = 0;
        for (const gap of gaps) {
          nowMs += gap;
          if (!breaker.allows(nowMs)) continue;
          called.push(nowMs);
          breaker.failed(nowMs);
        }
        const probes = called.slice(POLICY.failures - 1);
        const apart = probes.slice(1).map((atMs, index) => atMs - (probes[index] ?? 0));
        expect(apart.every((ms) => ms >= POLICY.coolDownMs)).toBe(true);
      }),
    );
  });
});
